"""What the stages share, and the commands beside them.

from lower to higher: base, text, vectors, money, chat, providers; then stages; then account, commands
"""

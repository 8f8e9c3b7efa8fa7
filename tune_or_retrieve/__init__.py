"""What the stages share, and the commands beside them.

From lower to higher: base, text, vectors, money, chat, providers; then stages; then account, commands. A module imports
from its own folder and from lower ones only: see docs/design.md.
"""

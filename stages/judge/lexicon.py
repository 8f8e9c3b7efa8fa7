"""Word knowledge of the judges: stems, synonyms, opposites, and words that stand in each other's place.

English of technical documentation. Tables only hold what cannot be computed; spelling variants come from `stem`.
"""

import functools
import re


def _split(words: str) -> list[str]:
    return words.split()


_IRREGULAR = {
    "sent": "send", "kept": "keep", "held": "hold", "given": "give", "gave": "give", "got": "get", "gotten": "get",
    "made": "make", "written": "write", "wrote": "write", "lost": "lose", "took": "take", "taken": "take",
    "overridden": "override", "overrode": "override", "overwritten": "overwrite", "chosen": "choose", "chose": "choose",
    "set": "set", "ran": "run", "running": "run", "left": "leave", "said": "say", "told": "tell", "found": "find",
    "came": "come", "went": "go", "gone": "go", "hidden": "hide", "known": "know", "shown": "show", "built": "build",
    "bigger": "big", "larger": "large", "longer": "long", "longest": "long", "largest": "large", "smaller": "small",
    "fewer": "few", "decryption": "decrypt", "retention": "retain", "permitted": "permit", "permission": "permission",
    "existing": "exist", "existence": "exist", "denied": "deny", "denial": "deny", "replies": "reply", "began": "begin",
    "begun": "begin", "ordering": "order", "maximal": "maximum", "minimal": "minimum", "max": "maximum",
    "min": "minimum", "paid": "pay", "thrown": "throw", "threw": "throw", "stopped": "stop", "wrapped": "wrap",
    "bound": "bind", "understood": "understand", "broken": "break", "expiration": "expire", "expiry": "expire",
    "removal": "remove", "approval": "approve", "renewal": "renew", "retrieval": "retrieve", "success": "succeed",
    "successful": "succeed", "successfully": "succeed", "failure": "fail", "validity": "valid", "analysis": "analyze",
    "data": "data", "alias": "alias", "aliases": "alias", "access": "access", "status": "status", "bytes": "byte",
    "indices": "index", "indexes": "index", "policies": "policy", "queries": "query", "this": "this", "bus": "bus",
    "buses": "bus", "class": "class", "process": "process", "address": "address", "always": "always", "aws": "aws",
    "inclusion": "include", "inclusive": "include", "exclusion": "exclude", "exclusive": "exclude",
    "permanently": "permanent", "beginning": "begin", "invocation": "invoke", "consistency": "consistent",
}  # fmt: skip


@functools.cache
def stem(word: str) -> str:
    """A rough stem, the same for the inflections and the usual derivations of one word."""
    word = word.lower().removesuffix("'s").removesuffix("’s")
    if word in _IRREGULAR:
        return _base(_IRREGULAR[word])
    if len(word) <= 3:
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif re.search(r"(ss|x|ch|sh|zz)es$", word):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if word in _IRREGULAR:
        return _base(_IRREGULAR[word])
    for suffix in ("ing", "ed"):
        root = word.removesuffix(suffix)
        if root != word and len(root) >= 3 and re.search("[aeiouy]", root):
            word = root[:-1] if re.search(r"([bdgmnprt])\1$", root) else root
            break
    return _base(word)


def _base(word: str) -> str:
    word = re.sub(r"(?<=\w\w)bility$", "ble", word)
    for suffixes in (
        ("ally", "ly"),
        ("ization", "isation", "ation", "ition", "ion", "ment", "ize", "ise", "ate", "at"),
    ):
        for suffix in suffixes:
            root = word.removesuffix(suffix)
            if root != word and len(root) >= 4:
                word = root
                break
    word = word.removesuffix("e") if len(word) > 3 else word
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


def _stems(words: str) -> list[str]:
    return [stem(word) for word in words.split()]


STOPWORDS = frozenset(
    _split(
        """
            a an the this that these those it its they them their there here he she his her we our us you your
            i me my of in on at to for from by with as into onto over under about and or but so if then than
            when while where which who whom whose what how why is are was were be been being am do does did
            done has have had having can could may might will would shall should must also too just very such
            own same each every any some all both either only even still yet once again per via up down out
            off not no nor never none cannot without neither unless except until because since whether though
            although whereas however therefore thus otherwise already well let lets s t d ll re ve don one
            ones most least many much few other another following etc between e.g i.e eg ie please note yes
            sure here's it's that's you're there's exactly approximately about around nearly roughly
        """
    )
)

# Words that say little by themselves: found or missing, they weigh less than other words.
WEAK = frozenset(
    _stems(
        """use using used get set make give take provide specify specified value values parameter parameters way
        thing amazon aws service call request response operation action api information need want work happen option
        setting configure type name given based certain case new example default available see refer particular
        number user mean support always automatically simply immediately directly"""
    )
)

# One line, one meaning. The first word is its name.
_SYNONYMS = """
allow permit let enable_to authorize authorise accept permissible
enable activate
disable deactivate
delete remove erase destroy purge drop discard
keep retain preserve remain persist stay stored
create make generate build establish
get retrieve fetch obtain receive return give yield
show display list enumerate view describe
send deliver transmit forward push publish emit pass
change modify update alter edit adjust
increase raise extend grow expand
decrease reduce lower shrink shorten
start begin launch initiate commence trigger
stop halt end terminate cease finish cancel
invoke call run execute
contain hold include comprise consist carry
need require must_have necessary mandatory compulsory obligatory
optional voluntary unnecessary
maximum limit longest largest highest most ceiling cap upper
minimum shortest smallest lowest floor
large big huge
small little tiny
fast quick rapid
immediate instant straightaway prompt
temporary short-lived transient ephemeral
permanent irreversible irrevocable
indefinite forever eternal endless
copy replicate duplicate clone replication
hide invisible hidden conceal
error exception fault failure_message
fail unsuccessful
succeed success
reject deny refuse block forbid prohibit disallow prevent decline denied
override overrule supersede trump outrank precedence overridden win beat prevail
encrypt cipher
decrypt decipher
permission authorization authorisation privilege right
identifier id
operation action api
consumer receiver recipient reader subscriber
producer sender publisher
record item entry row
attach associate assign link connect bind
detach disassociate unassign unlink disconnect
valid legal
allowable allowed
expire lapse
wait delay pause
choose select pick
store save put write persisted
unique distinct
same identical equal alike
different differ unequal
automatic itself automatically
begin start
duration period interval window length
limit quota maximum
size length big
order sequence
preserve maintain keep
exceed surpass
schedule plan
guarantee ensure promise
check verify validate confirm
previous earlier prior former old
later subsequent afterwards
find search look locate
manage administer control
whole entire complete full
part portion piece
parallel concurrent simultaneous
simultaneous concurrently
several multiple numerous many
match correspond
omit skip leave_out
ignore disregard
separate split
combine merge join
reuse reused
location place
rename renamed
text string
"""

# Opposites of which one is the other's negation: "not enabled" says what "disabled" says.
_COMPLEMENTS = """
enable / disable
allow / reject
require need / optional
include contain / exclude omit
succeed / fail
same / different
valid / invalid
public / private
synchronous sync / asynchronous async
keep / delete expire lose
mutable / immutable
always / never
temporary / permanent
true / false
all / none
visible / hide
online / offline
automatic / manual
explicit / implicit
mandatory / optional
consistent / inconsistent
ordered / unordered
direct / indirect
known / unknown
supported / unsupported
available / unavailable
successful / unsuccessful
"""

# Opposites that exclude each other, but where the negation of one is not yet the other.
_CONTRARIES = """
create / delete
add / remove
increase / decrease
encrypt / decrypt
start / stop
begin / end
attach / detach
before prior previous / after following later
minimum / maximum
first / last
read / write
send / receive
upload / download
import / export
lock / unlock
subscribe / unsubscribe
tag / untag
grant / revoke
open / close
primary / secondary replica
source / destination target
inbound / outbound
ingress / egress
strong / eventual weak
symmetric / asymmetric
ascending / descending
oldest / newest
old / new
older / newer
sender producer / receiver consumer
client / server
internal / external
immediate / delayed gradual
more / less fewer
greater / less fewer smaller
longer / shorter
larger / smaller
higher / lower
above / below
top / bottom
left / right
horizontal / vertical
single / multiple
local / remote global
push / pull
fast / slow
free / charged
wrap / unwrap
register / deregister
restore / archive
empty / full
suspend / resume
pending / complete
today / tomorrow
keep stay / leave
short / long
default / custom
single / multi
hot / cold
hard / soft
simple / complex
partial / full
lower / upper
early / late
many / few
high / low
static / dynamic
active / inactive
idle / busy
strict / loose
odd / even
"""

# Words that can stand in one another's place and then say something else: their exchange is a wrong name.
_SISTERS = """
standard fifo express
bucket table queue topic stream function secret repository rule cluster instance shard layer statemachine database
key secret certificate password token credential
user role group account organization
policy permission tag
partition sort
hash range
identity resource
header body
request response
json xml csv yaml parquet
http https ftp
get put post patch head
read write
hourly daily weekly monthly yearly annually
item table attribute index
object bucket prefix
message queue
image repository registry
sms email http lambda
gzip zip snappy bzip2
string number binary boolean integer float
region account zone
s3 sqs sns dynamodb lambda kms iam kinesis sts ecr cloudwatch eventbridge ec2 rds secretsmanager cloudtrail glacier
signing encryption
monday tuesday wednesday thursday friday saturday sunday
january february march april may june july august september october november december
east west north south
first second third fourth fifth
customer aws
publisher subscriber
producer consumer
parent child
red green blue yellow black white
"""


def _rows(table: str) -> list[str]:
    return [line for line in table.strip().splitlines() if line.strip()]


@functools.cache
def _concepts() -> dict[str, str]:
    names: dict[str, str] = {}
    for row in _rows(_SYNONYMS):
        members = _stems(row)
        for member in members:
            names.setdefault(member, members[0])
    return names


@functools.cache
def _signed() -> dict[str, tuple[str, int]]:
    """Stem of a word with a complement -> (name of the pair, +1 or -1)."""
    pairs: dict[str, tuple[str, int]] = {}
    names = _concepts()
    for row in _rows(_COMPLEMENTS):
        positive, negative = (_stems(side) for side in row.split("/"))
        for members, sign in ((positive, 1), (negative, -1)):
            for member in members:
                pairs.setdefault(names.get(member, member), (positive[0], sign))
    return pairs


@functools.cache
def concept(word: str) -> tuple[str, int]:
    """The meaning of a word: (name, sign). Opposites that negate each other share the name and differ in sign."""
    root = stem(word)
    name = _concepts().get(root, root)
    return _signed().get(name, (name, 1))


@functools.cache
def _opposites() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for row in _rows(_CONTRARIES):
        left, right = (_stems(side) for side in row.split("/"))
        for a in left:
            table.setdefault(a, set()).update(right)
        for b in right:
            table.setdefault(b, set()).update(left)
    return {word: frozenset(words) for word, words in table.items()}


_PREFIXES = ("un", "in", "non-", "non", "im", "dis", "ir", "de", "a")


@functools.cache
def opposite(a: str, b: str) -> bool:
    """Whether two words exclude each other: "before" and "after", "tag" and "untag", "enabled" and "disabled"."""
    (name_a, sign_a), (name_b, sign_b) = concept(a), concept(b)
    if name_a == name_b:
        return sign_a != sign_b
    first, second = stem(a), stem(b)
    table = _opposites()
    if second in table.get(first, ()) or name_b in table.get(name_a, ()):
        return True
    short, long = sorted((a.lower(), b.lower()), key=len)
    return len(short) >= 4 and any(stem(long) == stem(prefix + short) for prefix in _PREFIXES)


@functools.cache
def _sister_rows() -> dict[str, frozenset[int]]:
    table: dict[str, set[int]] = {}
    for number, row in enumerate(_rows(_SISTERS)):
        for member in _stems(row):
            table.setdefault(member, set()).add(number)
    return {word: frozenset(rows) for word, rows in table.items()}


@functools.cache
def sisters(a: str, b: str) -> bool:
    """Whether two different words can stand in one another's place: "bucket" and "table"."""
    first, second = stem(a), stem(b)
    rows = _sister_rows()
    return first != second and bool(rows.get(first, frozenset()) & rows.get(second, frozenset()))


# Verbs of the list below that are as often nouns: "a read", "the limit".
NOUN_VERBS = frozenset(
    concept(word)[0]
    for word in _split(
        """
            read limit request access change control process record log tag index share sign point version
            cache charge link need reference copy host map store scale report query scan bill use rule
            sequence poll transfer import export subscribe call block
        """
    )
)

# Verbs with a doer and a thing done to: exchanging the two says something else.
VERBS = frozenset(
    concept(word)[0]
    for word in _split(
        """
            override copy replace invoke call send replicate trigger grant assume encrypt decrypt wrap contain
            include precede follow inherit own delete create write read publish deliver notify update modify
            attach detach protect sign verify start stop reject accept require manage use control limit change
            produce consume poll forward route process match exceed extend import export move transfer store
            monitor track log record back mirror scale depend block allow enable disable evaluate check query
            scan list describe return receive request pay charge bill outrank supersede win beat prevail fail
            delegate trust join link reference point map alias belong apply govern restrict share access pull
            push upload download subscribe retry poll sync cache index tag untag rotate restore version expire
            archive generate derive rely serve host connect expose mask hide affect cause imply need
        """
    )
)

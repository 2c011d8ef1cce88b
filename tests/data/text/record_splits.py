"""Records how each family's pre-tokenizer cuts text, by running the patterns of its tokenizer.json in the tokenizers library.

    python record_splits.py > splits.json        (needs: pip install tokenizers)

splits.json: {"texts": [...], "families": {name: [[byte lengths of the words of text 0], ...]}}.
The patterns are those of text/pre_tokenizer_families.cpp, written a second time: what is compared is the engines that run them and the copies.
"""
import json
import random
import sys

from tokenizers import Regex
from tokenizers.pre_tokenizers import ByteLevel, Digits, Punctuation, Sequence, Split


def split(pattern):
    return Split(Regex(pattern), "isolated")


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SUFFIX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"


def llama3(digits):
    return SUFFIX + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + digits + r"| ?[^\s\p{L}\p{N}]+[\r\n]*" + SPACES


def cased(digits, suffix):
    high, low = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
    before = r"[^\r\n\p{L}\p{N}]?"
    return (before + high + "*" + low + "+" + suffix + "|" + before + high + "+" + low + "*" + suffix + r"|\p{N}" + digits
            + r"| ?[^\s\p{L}\p{N}]+[\r\n/]*" + SPACES)


DEEPSEEK3 = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*""" + SPACES)
CJK = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
DEEPSEEK_CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
HAN_HIGH, HAN_LOW = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
BEFORE = r"[^\r\n\p{L}\p{N}]?"
DEEPSEEK_CASED = (
    "41-5a 61-7a b5 c0-d6 d8-f6 f8-1ba 1bc-1bf 1c4-293 295-2af 370-373 376-377 37b-37d 37f 386 388-38a 38c 38e-3a1 "
    "3a3-3f5 3f7-481 48a-52f 531-556 10a0-10c5 13a0-13f5 13f8-13fd 1c90-1cba 1cbd-1cbf 1d00-1d2b 1d6b-1d77 "
    "1d79-1d9a 1e00-1f15 1f18-1f1d 1f20-1f45 1f48-1f4d 1f50-1f57 1f59 1f5b 1f5d 1f5f-1f7d 1f80-1fb4 1fb6-1fbc 1fbe "
    "1fc2-1fc4 1fc6-1fcc 1fd0-1fd3 1fd6-1fdb 1fe0-1fec 1ff2-1ff4 1ff6-1ffc 2102 2107 210a-2113 2115 2119-211d 2124 "
    "2126 2128 212a-212d 212f-2134 2139 213c-213f 2145-2149 214e 2183-2184 2c00-2c7b 2c7e-2ce4 2ceb-2cee 2cf2-2cf3 "
    "a640-a66d a680-a69b a722-a76f a771-a787 a78b-a78e ab70-abbf fb00-fb06 fb13-fb17 ff21-ff3a ff41-ff5a "
    "10400-1044f 104b0-104d3 104d8-104fb 10c80-10cb2 10cc0-10cf2 118a0-118df 1e900-1e943 "
)


def character_class(ranges):
    bounds = ([int(bound, 16) for bound in cell.split("-")] for cell in ranges.split())
    return "[" + "".join("\\x{%x}-\\x{%x}" % (b[0], b[-1]) for b in bounds) + "]"


ISOLATED_DIGITS = Digits(individual_digits=True)

FAMILIES = {
    "gpt-2": [ByteLevel(add_prefix_space=False, use_regex=True)],
    "smollm": [ISOLATED_DIGITS, ByteLevel(add_prefix_space=False, use_regex=True)],
    "llama-bpe": [split(llama3("{1,3}"))],
    "qwen2": [split(llama3(""))],
    "qwen35": [split(SUFFIX + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + SPACES)],
    "bailingmoe": [split(r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+")],
    "gpt-4o": [split(cased("{1,3}", SUFFIX + "?"))],
    "tekken": [split(cased("", ""))],
    "deepseek-coder": [split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split(DEEPSEEK_CJK), ISOLATED_DIGITS],
    "deepseek-llm": [split(r"[\r\n]"), split(r"\s?" + character_class(DEEPSEEK_CASED) + "+"),
                     split(r"\s?" + character_class("21-2f 3a-7e 2018-201f 3000-3002 ff01-ff0f ff1a-ff5e") + "+"), split(r"\s+$"),
                     split(DEEPSEEK_CJK), split(r"\p{N}+")],
    "afmoe": [split(r"\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))"),
              split(character_class("e40-eff 1000-109f 1100-11ff 1780-17ff 2f00-2fdf 3040-30ff 3400-4dbf 4e00-9fff a9e0-a9ff aa60-aa7f "
                                    "ac00-d7af f900-faff ff65-ff9f") + "+"), split(DEEPSEEK3)],
    "deepseek-v3": [split(r"\p{N}{1,3}"), split(CJK), split(DEEPSEEK3)],
    "falcon": [Punctuation("contiguous"), ByteLevel(add_prefix_space=False, use_regex=True), split("[0-9][0-9][0-9]")],
    "bloom": [split(" ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+")],
    "viking": [split(" ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"), split(r"\p{N}")],
    "jais-2": [split(SUFFIX + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
                     + "".join(r"\s{%d}(?!\S)|" % n for n in (512, 256, 128, 64, 32, 16, 8, 4)) + r"\s{1,2}(?!\S)|\s{1}")],
    "spark2_5": [split(r"\p{N}{1,3}"), split(CJK), split(DEEPSEEK3.replace(r"[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+", r"[\p{P}\p{S}]+|[\r\n]")),
                 split(r"\p{N}")],
    "youtu": [split("[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+|"
                    "[\u3105-\u312f]+|" + CJK), split(cased("", SUFFIX + "?"))],
    "tiny_aya": [split(r"\d{1,3}(?=(?:\d{3})*\b)"), split(cased("{1,3}", SUFFIX + "?"))],
    "seed-coder": [split(SUFFIX + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+" + SPACES)],
    "ufakzeka": [split(r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + SPACES)],
    "laguna": [split(r"[^\n]+|[\n]+"), split(llama3(""))],
    "exaone-moe": [split(SUFFIX + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+")],
    "minicpm5": [split(r"\p{N}{1,3}"), split(llama3("+"))],
    "kimi-k2": [split(r"[\p{Han}]+|" + BEFORE + HAN_HIGH + "*" + HAN_LOW + "+" + SUFFIX + "?|" + BEFORE + HAN_HIGH + "+" + HAN_LOW + "*"
                      + SUFFIX + r"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + SPACES)],
    "chameleon": [split("<sentinel:[0-9]+>"), split("(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z"), split("([\\t\\n]|    |  )"), ISOLATED_DIGITS,
                  split(r"[\p{P}!-/:-@\[-`{-~]"), ByteLevel(add_prefix_space=False, use_regex=True)],
    "default": [split(r"[\p{P}\$\+<=>\^~\|]+"), split(GPT2), split(r"\p{N}+"), split("[0-9][0-9][0-9]")],
    "superbpe": [split(r"\p{N}+"), split(r"(?=(\d{3})+(?!\d))")],
}

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCDEFGH", "0123456789", " ", "  \t", "\n\r", "'", "'sStTdDmMlLrReEvV", "/.,!?-_()[]{}<>|@#&*~`^$+=%:;\"\\",
    "\u00e9\u00df\u00d1\u00f8\u01c5", "\u0301\u0308\u093f\u0941\u0e31", "\u4e2d\u6587\u5b57\u3005\u3007\u2f08", "\u3042\u30ab\u30fc\uff71",
    "\ud55c\uad6d\u1112\u3131", "\u0905\u0915\u0e01\u0e44\u1780", "\u0431\u0414\u03b1\u03a3\u0561", "\u0661\u0967\u00bd\u2167\u00b2",
    "\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c\uff01\u2019\u2014\u00bf", "\u20ac\u00a3\u2211\u00a9\u00a8", "\u00a0\u2003\u3000\u0085\u2028",
    "\U0001f468\u200d\U0001f469\ufe0f\U0001f1e9", "\u200b\u00ad\ufeff", "\U0001d400\U00020000\U00010400\U0001e900", "\x00\x01\x7f\x1c",
]
WORDS = ["I'm", "we'LL", " don't", "12345", "1234567 ", "3.14", "http://a/b?c=1", "\r\n\r\n", "   x", "HelloWorld", "iPhone", "XMLHttp", "\n\n  y",
         "<sentinel:12>", "IMGIMGABCZ", "1_000", "123abc", "e\u0301t\u00e9", "/* */\n", "!!\n/", " ?\n", "'S'", "\u00bd12345", "\t\tif", "a b c"]


def texts(count):
    random.seed(20261122)
    made = ["", " ", "\n", "a", "Hello world! It's 2026.", " " * 1000 + "a", "1" * 1000, "    \n  \n x  "]
    while len(made) < count:
        parts = []
        for _ in range(random.randint(1, 10)):
            if random.random() < 0.25:
                parts.append(random.choice(WORDS))
            else:
                alphabet = random.choice(ALPHABETS)
                parts.append("".join(random.choice(alphabet) for _ in range(random.choice((1, 1, 2, 3, 5)))))
        made.append("".join(parts))
    return made


def word_lengths(pre, text):
    pieces = pre.pre_tokenize_str(text)
    ends = sorted({end for _, (_, end) in pieces})
    ends = [len(text[:end].encode()) for end in ends]
    return [b - a for a, b in zip([0] + ends, ends) if b > a]


count = int(sys.argv[1]) if len(sys.argv) > 1 else 220
made = texts(count)
families = {name: [word_lengths(Sequence(stages), text) for text in made] for name, stages in FAMILIES.items()}
json.dump({"texts": made, "families": families}, sys.stdout, separators=(",", ":"))

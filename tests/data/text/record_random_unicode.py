"""Records what llama.cpp makes of random Unicode text, for tests that have no llama.cpp at hand.

    python record_random_unicode.py 2500 VOCABULARY.gguf...        (needs: pip install llama-cpp-python gguf tokenizers)

Writes beside itself random_unicode.texts (for each text its length, then its bytes) and, for each vocabulary, random_unicode.NAME.ids
(for each text: 1 + number of ids, then the ids; first for special tokens as plain text, then for special tokens parsed). Numbers are
LEB128. Texts are valid UTF-8: llama.cpp turns other bytes into U+FFFD, and we do not. WordPiece is recorded where llama.cpp and the
tokenizers library agree, else as a single 0: llama.cpp keeps only the first part of a decomposed character.
"""
import pathlib
import random
import sys

import gguf
import tokenizers
from llama_cpp import Llama

RANGES = [(0x20, 0x7E)] * 8 + [(0x61, 0x7A)] * 6 + [
    (0x30, 0x39), (0x09, 0x0D), (0x20, 0x20), (0x0A, 0x0A), (0x00, 0x1F), (0x80, 0xFF), (0xC0, 0x17F), (0x300, 0x36F), (0x370, 0x3FF),
    (0x400, 0x52F), (0x531, 0x58F), (0x591, 0x5F4), (0x600, 0x6FF), (0x900, 0x97F), (0x980, 0x9FF), (0xE00, 0xE7F), (0x10A0, 0x10FF),
    (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x20A0, 0x20BF), (0x2100, 0x218F), (0x2190, 0x22FF), (0x2500, 0x27BF),
    (0x2E80, 0x2FDF), (0x3000, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xE000, 0xE0FF), (0xF900, 0xFAFF),
    (0xFB00, 0xFDFF), (0xFE00, 0xFE6F), (0xFF00, 0xFFEF), (0x10000, 0x103FF), (0x10400, 0x104FF), (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF),
    (0x20000, 0x2A6DF), (0xE0100, 0xE01EF), (0x2581, 0x2581)]
SNIPPETS = ["I'm", "you'LL", " don't", "1234567", " 3.14", "http://a.b/c?d=1", "\r\n\r\n", "    return x", "HelloWorld", "<|im_end|>", "<s>",
            "<|endoftext|>", "<|eot_id|>", "[CLS]", "<unk>", "<0x0A>", "\n\n\n", "\t\t", "the ", "and so on", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
            "\U0001f1e9\U0001f1ea", "e\u0301", "\u00e9", "\u4f60\u597d", "\u3053\u3093\u306b\u3061\u306f", "\u0645\u0631\u062d\u0628\u0627", "x" * 20, "=" * 17]


def random_text():
    parts = []
    for _ in range(random.choice((1, 2, 3, 4, 5))):
        if random.random() < 0.3:
            parts.append(random.choice(SNIPPETS))
            continue
        low, high = random.choice(RANGES)
        parts.append("".join(chr(random.randint(low, high)) for _ in range(random.choice((1, 1, 2, 3, 4)))))
        if random.random() < 0.4:
            parts.append(" ")
    return "".join(parts).encode()


def number(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def word_piece(path):
    """The tokenizers library's BERT with this file's vocabulary, or None for another kind of file."""
    fields = gguf.GGUFReader(path).fields
    if fields["tokenizer.ggml.model"].contents() != "bert":
        return None
    ids = {}
    for token, (text, kind) in enumerate(zip(fields["tokenizer.ggml.tokens"].contents(), fields["tokenizer.ggml.token_type"].contents())):
        ids[text if kind != 1 else text[1:] if text.startswith("\u2581") else "##" + text] = token
    bert = tokenizers.Tokenizer(tokenizers.models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    bert.normalizer = tokenizers.normalizers.BertNormalizer()
    bert.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return bert


random.seed(20261122)
texts = [random_text() for _ in range(int(sys.argv[1]))]
here = pathlib.Path(__file__).parent
(here / "random_unicode.texts").write_bytes(b"".join(number(len(text)) + text for text in texts))
for path in map(pathlib.Path, sys.argv[2:]):
    llama = Llama(str(path), vocab_only=True, verbose=False)
    bert = word_piece(path)
    name = path.stem.removeprefix("ggml-vocab-")
    with open(here / f"random_unicode.{name}.ids", "wb") as out:
        for special in (False, True):
            for text in texts:
                ids = llama.tokenize(text, add_bos=False, special=special)
                if bert and (special or bert.encode(text.decode(), add_special_tokens=False).ids != ids):
                    out.write(number(0))
                else:
                    out.write(number(1 + len(ids)) + b"".join(map(number, ids)))

"""Trains small tokenizers of every kind and records what the tokenizers library makes of a thousand texts with them.

    python record_tokenizer_json.py CORPUS...        (needs: pip install tokenizers==0.23.3 sentencepiece==0.2.1)

CORPUS are text files to train on (the recorded ones: tests/data/golden/long.txt, README.md, engine/*.cpp, python/halfbyte/**/*.py).
Writes into tokenizer_json/ beside itself: `texts` (for each text its length, then its bytes), and for each tokenizer NAME.json and
NAME.ids: for each text the number of ids and the ids, then FNV-1a 64 of what they decode to without and with special tokens, 8 bytes
each, little-endian. Numbers are LEB128. First in NAME.ids are the ids that frame a text: their number before it, they themselves, and
the same for those after it.
"""
import json
import pathlib
import random
import sys
import tempfile

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
OUT = HERE / "tokenizer_json"

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CL100K = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
KIMI = r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}&&[^\p{Han}]]+|\p{N}{1,3}(?=(?:\p{N}{3})*\b)|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*?|(?<=\s)\s+|\s"

SENTENCES = ["The quick brown fox jumps over the lazy dog.", "Falsches Üben von Xylophonmusik quält jeden größeren Zwerg.", "Où est l'été, mon cœur ?",
             "Съешь же ещё этих мягких французских булок", "Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία", "いろはにほへと ちりぬるを", "我能吞下玻璃而不伤身体。",
             "나는 유리를 먹을 수 있어요", "أنا قادر على أكل الزجاج", "אני יכול לאכול זכוכית", "मैं काँच खा सकता हूँ", "ฉันกินกระจกได้", "Tôi có thể ăn thủy tinh",
             "İstanbul'da IŞIK ılık", "ﬁne ﬂuﬀ Ａｂｃ １２３ ㎏ ½ ² Å ™ ①", "e\u0301a\u0308\u0323 \u1e0b\u0323 \uac01 \u1100\u1161\u11a8",
             "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea \u2764\ufe0f", "naïve café résumé", "don't I'LL we've she'd IT'S 'ſ",
             "int main() { return a[i++] << 2; }\n\tfor (;;) {}\r\n", "x = {'k': [1, 2.5e-3], \"s\": None}  # ok\n\n\n", "https://a.b/c?d=1&e=%20#f",
             "1234567 3.14159 0xff 1,000,000", "HelloWorld camelCase snake_case SHOUT", "\x00\x01\x1f\x7f\x85\u200b\u2028\ufeff\u00ad", " \t \n \u3000 \u00a0 ",
             "   leading", "trailing   ", "a  b   c    d", "▁mark ▁▁ _under__score", "…“quoted”—‘text’«»", "<0x0A> <unk> <s> </s> [CLS]"]
SNIPPETS = ["<|sp|>", " <|sp|> ", "<l>", " \t <l> x", "<r>", "<r>  \n x", "word", "a word b", "words", "swordword", "WORD", "Éclair", "éclair", "  ", "\n", "\n\n", " ",
            "I'm", "you'LL", "12345", "\r\n\r\n", "e\u0301", "\u4f60\u597d", "=" * 17, "x" * 40, "ab" * 30, "<both>", " <both> ", "<|end|>", "<|endoftext|>", "é" * 9]
RANGES = [(0x20, 0x7E)] * 8 + [(0x61, 0x7A)] * 6 + [
    (0x30, 0x39), (0x09, 0x0D), (0x00, 0x1F), (0x80, 0xFF), (0xC0, 0x17F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x531, 0x556), (0x591, 0x5C7),
    (0x600, 0x6FF), (0x900, 0x963), (0x985, 0x9B9), (0xE01, 0xE3A), (0x10A0, 0x10C5), (0x1100, 0x11FF), (0x1E00, 0x1FFE), (0x2000, 0x206F), (0x20A0, 0x20BF),
    (0x2100, 0x218B), (0x2190, 0x22FF), (0x2500, 0x27BF), (0x2E80, 0x2FD5), (0x3000, 0x30FF), (0x3400, 0x4DB5), (0x4E00, 0x9FD5), (0xAC00, 0xD7A3), (0xE000, 0xE0FF),
    (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFE6F), (0xFF01, 0xFFEE), (0x10400, 0x1044F), (0x1D400, 0x1D7FF), (0x1F300, 0x1F6C5), (0x20000, 0x2A6D6)]


def random_text():
    parts = []
    for _ in range(random.choice((1, 2, 3, 4, 6))):
        kind = random.random()
        if kind < 0.3:
            parts.append(random.choice(SNIPPETS))
        elif kind < 0.5:
            words = random.choice(SENTENCES).split(" ")
            at = random.randrange(len(words))
            parts.append(" ".join(words[at:at + random.randint(1, 4)]))
        else:
            low, high = random.choice(RANGES)
            parts.append("".join(chr(random.randint(low, high)) for _ in range(random.choice((1, 1, 2, 3, 4)))))
        if random.random() < 0.5:
            parts.append(" ")
    return "".join(parts)


def number(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def fnv(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value.to_bytes(8, "little")


def train(model, corpus, *, normalizer=None, pre=None, decoder=None, size=700, special=("<unk>",), add=True, trainer=None):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    tokenizer.train_from_iterator(corpus, trainer or trainers.BpeTrainer(vocab_size=size, special_tokens=list(special), show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if "ByteLevel" in str(pre) else []))
    if decoder:
        tokenizer.decoder = decoder
    if add:
        add_tokens(tokenizer)
    return tokenizer


def add_tokens(tokenizer):
    tokenizer.add_special_tokens([AddedToken("<|sp|>", special=True), AddedToken("<|end|>", special=True, rstrip=True)])
    tokenizer.add_tokens([AddedToken("<l>", lstrip=True, normalized=False), AddedToken("<r>", rstrip=True, normalized=False),
                          AddedToken("<both>", lstrip=True, rstrip=True, normalized=True), AddedToken("word", single_word=True, normalized=False),
                          AddedToken("Éclair", normalized=True)])


def changed(tokenizer, change):
    """With `change` made to the parsed tokenizer.json."""
    parsed = json.loads(tokenizer.to_str())
    change(parsed)
    return Tokenizer.from_str(json.dumps(parsed))


def byte_tokens(tokenizer):
    """<0x00> to <0xFF> after the other tokens of the model; then the added ones."""
    def change(parsed):
        vocabulary = parsed["model"]["vocab"]
        for byte in range(256):
            vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
        parsed["model"]["byte_fallback"] = True
    tokenizer = changed(tokenizer, change)
    add_tokens(tokenizer)
    return tokenizer


def field(message, wanted):
    """The bytes of a length-delimited field of a protocol buffer."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(message):
        key = varint()
        kind = key & 7
        if kind == 0:
            varint()
        elif kind == 1:
            at += 8
        elif kind == 5:
            at += 4
        else:
            length = varint()
            if key >> 3 == wanted:
                return message[at:at + length]
            at += length
    return b""


def charsmap(corpus):
    """A small precompiled charsmap, made by SentencePiece from a few rules."""
    rules = {"\u212b": "\u00c5", "ﬁ": "fi", "ﬂ": "fl", "ﬀ": "ff", "²": "2", "①": "1", "½": "1/2", "™": "TM", "\u3000": " ", "\u00a0": " ", "\t": " ", "\n": " ", "\r": " ",
             "e\u0301": "\u00e9", "a\u0308": "\u00e4", "Ａ": "A", "ｂ": "b", "１": "1", "か\u3099": "が", "\u200b": "", "\ufeff": "", "İ": "i\u0307",
             "\U0001f44d": "+1", "…": "..."}
    with tempfile.TemporaryDirectory() as folder:
        tsv = pathlib.Path(folder, "rules.tsv")
        tsv.write_text("".join(" ".join(f"{ord(c):x}" for c in source) + "\t" + " ".join(f"{ord(c):x}" for c in target) + "\n" for source, target in rules.items()))
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus), model_prefix=folder + "/m", vocab_size=400, hard_vocab_limit=False,
                                                 normalization_rule_tsv=str(tsv), minloglevel=2)
        model = pathlib.Path(folder, "m.model").read_bytes()
    return field(field(model, 3), 2)


def tokenizers(corpus):
    bytes_only = dict(pre=pre_tokenizers.ByteLevel(add_prefix_space=False), decoder=decoders.ByteLevel(), special=["<|endoftext|>"])

    def split(pattern, behavior="isolated", invert=False):
        return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), behavior, invert), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])

    gpt2 = train(models.BPE(), corpus, **bytes_only)
    gpt2.post_processor = processors.ByteLevel(trim_offsets=False)
    yield "gpt2", gpt2

    roberta = train(models.BPE(unk_token="<unk>"), corpus, pre=pre_tokenizers.ByteLevel(add_prefix_space=True), decoder=decoders.ByteLevel(),
                    special=["<s>", "<pad>", "</s>", "<unk>"])
    roberta.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    roberta.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    yield "roberta", roberta

    llama3 = train(models.BPE(), corpus, **{**bytes_only, "pre": split(LLAMA3)})
    llama3 = changed(llama3, lambda parsed: parsed["model"].update(ignore_merges=True, merges=parsed["model"]["merges"][::2] + parsed["model"]["merges"][1::2]))
    llama3.post_processor = processors.Sequence([processors.ByteLevel(), processors.TemplateProcessing("<|sp|> $A", special_tokens=[("<|sp|>", llama3.token_to_id("<|sp|>"))])])
    yield "llama3", llama3

    qwen2 = train(models.BPE(), corpus, normalizer=normalizers.NFC(), **{**bytes_only, "pre": split(QWEN2)})
    qwen2 = changed(qwen2, lambda parsed: parsed["model"].update(merges=[" ".join(pair) for pair in parsed["model"]["merges"]]))
    yield "qwen2", qwen2

    yield "gpt4o", train(models.BPE(), corpus, **{**bytes_only, "pre": split(GPT4O)})
    yield "cl100k", train(models.BPE(), corpus, **{**bytes_only, "pre": split(CL100K)})
    yield "kimi", train(models.BPE(), corpus, **{**bytes_only, "pre": split(KIMI)})

    clip = train(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"), corpus,
                 normalizer=normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]),
                 pre=split(CLIP, "removed", True), decoder=decoders.Sequence([decoders.ByteLevel(), decoders.BPEDecoder("</w>")]),
                 trainer=trainers.BpeTrainer(vocab_size=700, special_tokens=["<|startoftext|>", "<|endoftext|>"], end_of_word_suffix="</w>", show_progress=False,
                                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    clip.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), trim_offsets=False, add_prefix_space=False)
    yield "clip", clip

    spm = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    marked = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    short = [" ".join(line.split(" ")[at:at + 3]) for line in corpus for at in range(0, len(line.split(" ")), 3)]
    llama2 = train(models.BPE(unk_token="<unk>", fuse_unk=True), short, normalizer=marked, decoder=decoders.Sequence(spm + [decoders.Strip(" ", 1, 0)]),
                   special=["<unk>", "<s>", "</s>"], size=600, add=False)
    llama2 = byte_tokens(llama2)
    llama2.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B", [("<s>", 1)])
    yield "llama2", llama2

    metaspace = changed(llama2, lambda parsed: parsed.update(normalizer=None, pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}))
    yield "llama2_metaspace", metaspace

    gemma = train(models.BPE(unk_token="<unk>", fuse_unk=True), short, normalizer=normalizers.Replace(" ", "▁"), pre=pre_tokenizers.Split(" ", "merged_with_previous"),
                  decoder=decoders.Sequence(spm), special=["<pad>", "<eos>", "<bos>", "<unk>"], size=600, add=False)
    gemma = byte_tokens(gemma)
    gemma.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("\n\n\n", normalized=False), AddedToken("▁▁▁", normalized=False)])
    gemma.post_processor = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", 2)])
    yield "gemma", gemma

    unknown = train(models.BPE(unk_token="[UNK]", continuing_subword_prefix="##"), corpus[:200],
                    pre=pre_tokenizers.Sequence([pre_tokenizers.CharDelimiterSplit("_"), pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous"),
                                                 pre_tokenizers.Digits(individual_digits=True)]), decoder=decoders.WordPiece("##", cleanup=True),
                    trainer=trainers.BpeTrainer(vocab_size=500, special_tokens=["[UNK]"], continuing_subword_prefix="##", show_progress=False))
    yield "unfused_unknown", unknown

    pieces = dict(show_progress=False, vocab_size=600, special_tokens=["<s>", "</s>", "<unk>"], unk_token="<unk>")
    unigram = train(models.Unigram(), corpus, normalizer=normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]),
                    pre=pre_tokenizers.Metaspace(), decoder=decoders.Metaspace(), trainer=trainers.UnigramTrainer(**pieces))
    unigram.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    yield "unigram", unigram

    precompiled = normalizers.Sequence([normalizers.Precompiled(charsmap(corpus)), normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")])
    mapped = train(models.Unigram(), corpus, pre=pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]),
                   decoder=decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()]), trainer=trainers.UnigramTrainer(**pieces), normalizer=None, add=False)

    def with_bytes(parsed):
        parsed["model"]["vocab"] += [[f"<0x{byte:02X}>", -20.0] for byte in range(256)]
        parsed["model"]["byte_fallback"] = True
    mapped = changed(mapped, with_bytes)
    mapped.normalizer = precompiled
    add_tokens(mapped)
    yield "unigram_charsmap", mapped

    bert = dict(show_progress=False, vocab_size=700, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    for name, lower in ("bert_uncased", True), ("bert_cased", False):
        tokenizer = train(models.WordPiece(unk_token="[UNK]"), corpus, normalizer=normalizers.BertNormalizer(lowercase=lower), pre=pre_tokenizers.BertPreTokenizer(),
                          decoder=decoders.WordPiece(), trainer=trainers.WordPieceTrainer(**bert))
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)) if lower else processors.TemplateProcessing(
            "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
        yield name, tokenizer

    yield "word_level", train(models.WordLevel(unk_token="[UNK]"), corpus, pre=pre_tokenizers.Whitespace(),
                              normalizer=normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents(), normalizers.Strip()]),
                              trainer=trainers.WordLevelTrainer(vocab_size=600, special_tokens=["[UNK]"], show_progress=False))


def frame(tokenizer):
    ids = tokenizer.encode("a").ids
    inner = tokenizer.encode("a", add_special_tokens=False).ids
    at = next(i for i in range(len(ids)) if ids[i:i + len(inner)] == inner)
    return [ids[:at], ids[at + len(inner):]]


def main():
    random.seed(20261122)
    texts = SENTENCES + SNIPPETS + ["", "a" * 300, " " * 100, "\n" * 60, "the " * 50] + [" ".join(random.sample(SENTENCES, 3)) for _ in range(20)]
    texts += [random_text() for _ in range(1000 - len(texts))]
    lines = [line for path in sys.argv[1:] for line in pathlib.Path(path).read_text().split("\n")][:4000]
    corpus = lines + SENTENCES * 3
    OUT.mkdir(exist_ok=True)
    (OUT / "texts").write_bytes(b"".join(number(len(text.encode())) + text.encode() for text in texts))
    for name, tokenizer in tokenizers(corpus):
        (OUT / f"{name}.json").write_text(tokenizer.to_str() + "\n")
        with open(OUT / f"{name}.ids", "wb") as out:
            for side in frame(tokenizer):
                out.write(number(len(side)) + b"".join(map(number, side)))
            for text in texts:
                ids = tokenizer.encode(text, add_special_tokens=False).ids
                out.write(number(len(ids)) + b"".join(map(number, ids)))
                for skip in True, False:
                    out.write(fnv(tokenizer.decode(ids, skip_special_tokens=skip) if ids else ""))


main()

"""Byte pairs as Hugging Face's tokenizers learns and applies them, for `data/preprocess/BytePair`: writes bytepairs.json beside this file.

    pip install --target somewhere tokenizers && PYTHONPATH=somewhere /usr/bin/python3 spec/golden/bytepairs.py

Tokens are numbered as ours are: 1 to 256 are the bytes, then the pairs in the order of learning.
"""
import json
import pathlib

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

corpus = [
    'the cat sat on the mat and the other cat sat on the hat',
    'there is another weather than that, they said; whether or not',
    "it isn't the cat's hat, and we'll see that they've got it",
    'numbers such as 1024 and 2048, or 10240, are not words',
    'Ærø og Ørsta: på øya er det øde, på øya er det stille',
    'naïve café, naïve cafés; 日本語 日本 日本語',
    '  two spaces,\ttabs\n\nand line ends  \n',
]
texts = corpus + ['the theatre, another 4096 cats', "we'll see the café's øyer, isn't it", '日本 🦊 fox', '', ' ', 'a  b\n c',
                  'THE CAT', "'tis the 'sixties'"]


def learned(size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    return tokenizer


# GPT-2's letters for bytes: those that can be seen stand for themselves, the others follow from 256 on.
seen = [*range(ord('!'), ord('~') + 1), *range(0xa1, 0xad), *range(0xae, 0x100)]
letters = {chr(b): b for b in seen} | {chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in seen)}

tokenizer = learned(256 + 60)
merges = [pair.split(' ') if isinstance(pair, str) else pair for pair in json.loads(tokenizer.to_str())['model']['merges']]
ids = {letter: byte + 1 for letter, byte in letters.items()}
pairs = []
for a, b in merges:
    pairs.append([ids[a], ids[b]])
    ids[a + b] = 256 + len(pairs)
out = [[ids[token] for token in tokenizer.encode(text).tokens] for text in texts]
path = pathlib.Path(__file__).with_suffix('.json')
path.write_text(json.dumps({'source': f'tokenizers {tokenizers.__version__}', 'corpus': corpus, 'merges': pairs, 'texts': texts,
                            'out': out}, ensure_ascii=False) + '\n')
print(path.name, path.stat().st_size, 'bytes', len(pairs), 'merges')

"""Golden numbers of scikit-learn's transformers for `data/preprocess`: writes preprocess.json beside this file.

    /usr/bin/python3 spec/golden/preprocess.py
"""
import json
import pathlib

import numpy as np
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (KBinsDiscretizer, MaxAbsScaler, MinMaxScaler, Normalizer, OneHotEncoder,
                                   OrdinalEncoder, QuantileTransformer, RobustScaler, StandardScaler)
from sklearn.utils import murmurhash3_32

rng = np.random.default_rng(7)
n = 40
# On a grid that float32 has exactly: a skewed column, one with ties, a constant one, one far from 0.
train = np.stack([np.round(rng.exponential(3, n) * 64) / 64, rng.integers(0, 5, n).astype(float),
                  np.full(n, 2.5), 1000 + np.round(rng.normal(0, 4, n) * 32) / 32], 1)
test = np.stack([np.round(rng.exponential(4, 12) * 64) / 64 - 1, rng.integers(-1, 7, 12).astype(float),
                 np.r_[np.full(10, 2.5), 3, 2], 1000 + np.round(rng.normal(0, 7, 12) * 32) / 32], 1)
test[0] = train[3]
gaps, gapsTest = train.copy(), test.copy()
gaps[rng.random(gaps.shape) < 0.2] = np.nan
gaps[:, 2] = 2.5
gapsTest[2, 0] = gapsTest[5, 3] = gapsTest[5, 0] = gapsTest[7, 2] = np.nan


def plain(x):
    x = np.asarray(x.todense() if hasattr(x, 'todense') else x, dtype=float)
    return [[None if np.isnan(v) else float(v) for v in row] for row in x]


def case(name, transformer, fit, apply, inverse=False, **more):
    out = transformer.fit(fit).transform(apply)
    result = {'name': name, 'train': plain(fit), 'test': plain(apply), 'out': plain(out), **more}
    if inverse:
        result['back'] = plain(transformer.inverse_transform(out))
    return result


cases = [
    case('standardise', StandardScaler(), gaps, gapsTest, True),
    case('standardise without mean', StandardScaler(with_mean=False), train, test),
    case('minMax', MinMaxScaler(), gaps, gapsTest, True),
    case('minMax -1 3 clip', MinMaxScaler((-1, 3), clip=True), train, test),
    case('maxAbs', MaxAbsScaler(), train, test, True),
    case('robust', RobustScaler(), gaps, gapsTest, True),
    case('robust 0.1 0.9', RobustScaler(quantile_range=(10, 90)), train, test),
    case('quantiles uniform', QuantileTransformer(), gaps, gapsTest, True),
    case('quantiles uniform 7', QuantileTransformer(n_quantiles=7), train[:, [0, 2, 3]], test[:, [0, 2, 3]], True),
    case('quantiles normal', QuantileTransformer(output_distribution='normal', n_quantiles=20), train, test, True),
    case('impute mean', SimpleImputer(), gaps, gapsTest),
    case('impute median', SimpleImputer(strategy='median'), gaps, gapsTest),
    case('impute mostFrequent', SimpleImputer(strategy='most_frequent'), gaps, gapsTest),
    case('impute constant -7', SimpleImputer(strategy='constant', fill_value=-7), gaps, gapsTest),
    case('impute median indicator', SimpleImputer(strategy='median', add_indicator=True), gaps, gapsTest),
    case('unit l2', Normalizer(), train, test), case('unit l1', Normalizer('l1'), train, test),
    case('unit max', Normalizer('max'), np.abs(train), np.abs(test)),
]
live, liveTest = train[:, [0, 1, 3]], test[:, [0, 1, 3]]
cases += [
    case('bins 4 quantile', KBinsDiscretizer(4, encode='ordinal'), live[:, [0, 2]], liveTest[:, [0, 2]], True),
    case('bins 5 uniform', KBinsDiscretizer(5, encode='ordinal', strategy='uniform'), live, liveTest, True),
    case('bins 3 uniform oneHot', KBinsDiscretizer(3, encode='onehot-dense', strategy='uniform'), live, liveTest, True),
    case('bins 8 quantile ties', KBinsDiscretizer(8, encode='ordinal'), live[:, [1]], liveTest[:, [1]], True),
]
mixed = np.stack([live @ [1, 2, -1], live @ [0, 1, 3], live @ [2, 0, 1], live @ [1, 1, 1]], 1) + rng.normal(0, 1, (n, 4))
for name, options in [('pca 2', {'n_components': 2}), ('pca 3 whiten', {'n_components': 3, 'whiten': True}),
                      ('pca 0.9', {'n_components': 0.9})]:
    model = PCA(svd_solver='full', **options).fit(mixed)
    signs = np.sign(model.components_[np.arange(len(model.components_)), np.abs(model.components_).argmax(1)])
    out = model.transform(mixed[:9]) * signs
    cases.append({'name': name, 'train': plain(mixed), 'test': plain(mixed[:9]), 'out': plain(out),
                  'back': plain(model.inverse_transform(out * signs)),
                  'variance': model.explained_variance_.tolist(), 'ratio': model.explained_variance_ratio_.tolist()})

town = ['Rome', 'Oslo', 'Bern', 'Oslo', 'Rome', 'Zug', 'Ørsta']
deck = [3, 1, 2, 2, 1, 3, 3]
fit = np.array([town, deck], dtype=object).T
new = np.array([['Oslo', 'Paris', 'Ørsta', 'Zug'], [3, 2, 9, 1]], dtype=object).T
categories = []


def category(name, transformer, apply):
    transformer.fit(fit)
    categories.append({'name': name, 'train': {'town': town, 'deck': deck},
                       'test': {'town': list(apply[:, 0]), 'deck': list(apply[:, 1])},
                       'out': plain(transformer.transform(apply))})


category('oneHot', OneHotEncoder(), fit)
category('oneHot ignore', OneHotEncoder(handle_unknown='ignore'), new)
category('oneHot drop first', OneHotEncoder(drop='first'), fit)
category('ordinal', OrdinalEncoder(), fit)
category('ordinal ignore', OrdinalEncoder(handle_unknown='use_encoded_value', unknown_value=-1), new)
hashed = FeatureHasher(16).transform([{'town': t, 'deck': d} for t, d in zip(town, deck)])
categories.append({'name': 'featureHashing 16', 'train': {'town': town, 'deck': deck},
                   'test': {'town': town, 'deck': deck}, 'out': plain(hashed)})

texts = ['the cat sat on the mat', 'the dog ate the cat', 'a dog and a mat', 'on and on and on']
more = ['the mat and the dog', 'on the cat']
words = []
for name, vectorizer in [
        ('count', CountVectorizer(token_pattern=r'\S+')),
        ('multiHot', CountVectorizer(token_pattern=r'\S+', binary=True)),
        ('count ngrams 1 2', CountVectorizer(token_pattern=r'\S+', ngram_range=(1, 2))),
        ('count character', CountVectorizer(analyzer='char')),
        ('tfIdf smooth l2', TfidfVectorizer(token_pattern=r'\S+'))]:
    out = vectorizer.fit(texts).transform(more)
    words.append({'name': name, 'train': texts, 'test': more, 'vocabulary': list(vectorizer.get_feature_names_out()),
                  'out': plain(out)})

# Typed rows by a ColumnTransformer, fitted anew on the training part of each fold.
notes = ['red big', 'blue', 'red', 'small blue', 'big big', 'green', 'red small', 'blue green', 'big']
rows = [{'age': [None, 31, 44, 25, None, 60, 18, 39, 52][i], 'fare': [7.25, 71.5, 8, 53, 8.5, 13, 21, 30.5, 9][i],
         'town': ['Rome', 'Oslo', 'Rome', 'Bern', 'Oslo', 'Oslo', 'Zug', 'Bern', 'Rome'][i], 'note': notes[i]} for i in range(9)]
columns = np.array([[np.nan if r['age'] is None else r['age'], r['fare'], r['town'], r['note']] for r in rows], dtype=object)
folds = []
for fitOn, rest in KFold(3).split(columns):
    transformer = ColumnTransformer([
        ('numbers', make_pipeline(SimpleImputer(strategy='median'), StandardScaler()), [0, 1]),
        ('town', OneHotEncoder(handle_unknown='ignore'), [2]),
        ('note', CountVectorizer(token_pattern=r'\S+'), 3)], sparse_threshold=0).fit(columns[fitOn])
    towns = [f'town={t}' for t in transformer.named_transformers_['town'].categories_[0]]
    tokens = list(transformer.named_transformers_['note'].get_feature_names_out())
    folds.append({'names': ['age', 'fare', *towns, *tokens], 'train': plain(transformer.transform(columns[fitOn]).astype(float)),
                  'validation': plain(transformer.transform(columns[rest]).astype(float))})

hashes = [{'text': s, 'seed': seed, 'hash': int(murmurhash3_32(s, seed=seed))}
          for s in ['', 'a', 'ab', 'abc', 'abcd', 'town=Rome', 'Ørsta', 'the quick brown fox 🦊'] for seed in [0, 42]]

path = pathlib.Path(__file__).with_suffix('.json')
path.write_text(json.dumps({'source': f'scikit-learn {sklearn.__version__}, numpy {np.__version__}', 'tables': cases,
                            'categories': categories, 'texts': words, 'hashes': hashes,
                            'columns': {'rows': rows, 'folds': folds}}, indent=None) + '\n')
print(path.name, path.stat().st_size, 'bytes', len(cases) + len(categories) + len(words) + len(hashes), 'cases')

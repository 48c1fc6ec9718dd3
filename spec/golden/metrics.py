"""Metrics by scikit-learn on random data: writes metrics.json beside this file.

Run: python3 metrics.py (needs scikit-learn). Outputs are multiples of 1/64, so that thresholds tell all of them apart
and float32 holds them exactly; some are equal on purpose.
"""
import json
import os

import numpy as np
from sklearn import metrics as M
from sklearn.metrics.pairwise import paired_cosine_distances

rng = np.random.default_rng(20240517)
n, c = 61, 4


def grid(shape):
    return rng.integers(1, 64, shape) / 64


binary_p = grid((n, 1))
binary_y = (rng.random((n, 1)) < 0.3 + 0.4 * binary_p).astype(float)
multi_p = grid((n, c))
multi_y = (rng.random((n, c)) < multi_p).astype(float)
classes = rng.integers(0, c, n)
# Right more often than by chance; the rows sum to a power of two, so that dividing is exact.
scores = np.zeros((n, c))
for i in range(n):
    cuts = np.sort(rng.choice(np.arange(1, 64), c - 1, replace=False))
    scores[i] = rng.permutation(np.diff(np.concatenate([[0], cuts, [64]]))) / 64
    if rng.random() < 0.5:
        best = scores[i].argmax()
        scores[i, [best, classes[i]]] = scores[i, [classes[i], best]]
called = scores.argmax(1)
real_y = np.round(rng.normal(100, 2, (n, 3)) * 64) / 64
real_p = np.round((real_y + rng.normal(0, 1, (n, 3))) * 64) / 64
counts_y = rng.poisson(3, (n, 2)).astype(float)
counts_p = grid((n, 2)) * 8

weights = rng.integers(0, 5, n) / 4
data = {
    "binary": (binary_p, binary_y),
    "multi": (multi_p, multi_y),
    "sparse": (scores, classes),
    "onehot": (scores, np.eye(c)[classes]),
    "real": (real_p, real_y),
    "counts": (counts_p, counts_y),
}
cases = []


def case(metric, on, value, weighted, args=None):
    cases.append({"metric": metric, "args": args if args is not None else [{}], "data": on,
                  "value": float(value(weights)), "unweighted": float(value(None))} if weighted else
                 {"metric": metric, "args": args if args is not None else [{}], "data": on,
                  "unweighted": float(value(None))})


flat_y, flat_p = binary_y[:, 0], binary_p[:, 0]
yes = flat_p > 0.5
every = [k / 64 for k in range(1, 64)]


def binary(metric, f, args=None):
    case(metric, "binary", lambda w: f(w), True, args)


binary("accuracy", lambda w: M.accuracy_score(flat_y, yes, sample_weight=w))
binary("binaryAccuracy", lambda w: M.accuracy_score(flat_y, yes, sample_weight=w))
binary("precision", lambda w: M.precision_score(flat_y, yes, sample_weight=w))
binary("recall", lambda w: M.recall_score(flat_y, yes, sample_weight=w))
binary("precision", lambda w: M.precision_score(flat_y, flat_p > 0.25, sample_weight=w), [{"threshold": 0.25}])
binary("f1", lambda w: M.f1_score(flat_y, yes, sample_weight=w))
binary("logLoss", lambda w: M.log_loss(flat_y, flat_p, sample_weight=w))
binary("matthewsCorrelation", lambda w: M.matthews_corrcoef(flat_y, yes, sample_weight=w))
binary("cohenKappa", lambda w: M.cohen_kappa_score(flat_y, yes, sample_weight=w))
binary("balancedAccuracy", lambda w: M.balanced_accuracy_score(flat_y, yes, sample_weight=w))
binary("auc", lambda w: M.roc_auc_score(flat_y, flat_p, sample_weight=w), [{"thresholds": every}])
binary("iou", lambda w: M.jaccard_score(flat_y, flat_p >= 0.5, sample_weight=w), [[1]])
for ids in ([0], [1], [0, 1]):
    binary("binaryIou", lambda w: M.jaccard_score(flat_y, flat_p >= 0.25, average="macro", labels=ids, sample_weight=w),
           [{"classIds": ids, "threshold": 0.25}])
binary("truePositives", lambda w: M.confusion_matrix(flat_y, yes, sample_weight=w)[1, 1])
binary("falsePositives", lambda w: M.confusion_matrix(flat_y, yes, sample_weight=w)[0, 1])
binary("trueNegatives", lambda w: M.confusion_matrix(flat_y, yes, sample_weight=w)[0, 0])
binary("falseNegatives", lambda w: M.confusion_matrix(flat_y, yes, sample_weight=w)[1, 0])


def at(score, condition, value):
    """The best of one where the other is enough, from the exact curves."""
    def f(w):
        fpr, tpr, _ = M.roc_curve(flat_y, flat_p, sample_weight=w, drop_intermediate=False)
        precision, recall, _ = M.precision_recall_curve(flat_y, flat_p, sample_weight=w)
        # The point where nothing is called has precision 1 there and 0 here.
        precision = np.where(recall == 0, 0, precision)
        curves = {"specificity": 1 - fpr, "sensitivity": tpr, "precision": precision, "recall": recall}
        a, b = curves[score], curves[condition]
        return max([0.0, *a[b >= value]])
    return f


every_64 = {"numThresholds": 65}
binary("specificityAtSensitivity", at("specificity", "sensitivity", 0.6), [0.6, every_64])
binary("sensitivityAtSpecificity", at("sensitivity", "specificity", 0.6), [0.6, every_64])
binary("precisionAtRecall", at("precision", "recall", 0.55), [0.55, every_64])
binary("recallAtPrecision", at("recall", "precision", 0.7), [0.7, every_64])

# Every column by itself a yes or no, counted together.
repeated = lambda w: None if w is None else np.repeat(w, c)
case("binaryIou", "multi", lambda w: M.jaccard_score(multi_y.ravel(), multi_p.ravel() >= 0.5, sample_weight=repeated(w)),
     True, [{"classIds": [1]}])

for average in ("micro", "macro", "weighted"):
    case("precision", "multi", lambda w: M.precision_score(multi_y, multi_p > 0.5, average=average, sample_weight=w),
         True, [{"average": average}])
    case("recall", "multi", lambda w: M.recall_score(multi_y, multi_p > 0.5, average=average, sample_weight=w),
         True, [{"average": average}])
    case("f1", "multi", lambda w: M.f1_score(multi_y, multi_p > 0.5, average=average, sample_weight=w), True,
         [{"average": average, "threshold": 0.5}])
    case("fBeta", "multi", lambda w: M.fbeta_score(multi_y, multi_p > 0.5, beta=2, average=average, sample_weight=w),
         True, [{"average": average, "threshold": 0.5, "beta": 2}])
    case("precision", "onehot", lambda w: M.precision_score(classes, called, average=average, sample_weight=w), True,
         [{"average": average, "topK": 1}])
    case("recall", "onehot", lambda w: M.recall_score(classes, called, average=average, sample_weight=w), True,
         [{"average": average, "topK": 1}])
    case("f1", "onehot", lambda w: M.f1_score(classes, called, average=average, sample_weight=w), True,
         [{"average": average, "topK": 1}])
case("precision", "multi", lambda w: M.precision_score(multi_y[:, 2], multi_p[:, 2] > 0.5, sample_weight=w), True,
     [{"classId": 2}])
case("auc", "multi", lambda w: M.roc_auc_score(multi_y, multi_p, average="macro", sample_weight=w), True,
     [{"thresholds": every, "multiLabel": True}])
case("auc", "multi", lambda w: M.roc_auc_score(multi_y, multi_p, average="micro", sample_weight=w), True,
     [{"thresholds": every}])
case("auc", "multi", lambda w: M.roc_auc_score(multi_y, multi_p, average="weighted", sample_weight=w), True,
     [{"thresholds": every, "multiLabel": True, "average": "weighted"}])
case("auc", "onehot", lambda w: M.roc_auc_score(classes, scores, average="macro", multi_class="ovr", sample_weight=w),
     True, [{"thresholds": every, "multiLabel": True}])
case("auc", "onehot", lambda w: M.roc_auc_score(np.eye(c)[classes], scores, average="weighted", sample_weight=w), True,
     [{"thresholds": every, "multiLabel": True, "average": "weighted"}])
average_precision = {"thresholds": every, "curve": "PR", "summationMethod": "step"}
case("auc", "binary", lambda w: M.average_precision_score(flat_y, flat_p, sample_weight=w), True, [average_precision])
for average in ("micro", "macro", "weighted"):
    case("auc", "multi", lambda w: M.average_precision_score(multi_y, multi_p, average=average, sample_weight=w), True,
         [{**average_precision, **({} if average == "micro" else {"multiLabel": True, "average": average})}])

for on in ("sparse", "onehot"):
    accuracy = "sparseCategoricalAccuracy" if on == "sparse" else "categoricalAccuracy"
    top = "sparseTopKCategoricalAccuracy" if on == "sparse" else "topKCategoricalAccuracy"
    case("accuracy", on, lambda w: M.accuracy_score(classes, called, sample_weight=w), True)
    case(accuracy, on, lambda w: M.accuracy_score(classes, called, sample_weight=w), True)
    # scikit-learn breaks ties by order, Keras counts them as hits: here ties go to the class.
    for k in (1, 2, 3):
        above = (scores > scores[np.arange(n), classes][:, None]).sum(1) < k
        case(top, on, lambda w: np.average(above, weights=w), True, [{"k": k}])
    case("logLoss", on, lambda w: M.log_loss(classes, scores, sample_weight=w), True)
    case("matthewsCorrelation", on, lambda w: M.matthews_corrcoef(classes, called, sample_weight=w), True)
    case("balancedAccuracy", on, lambda w: M.balanced_accuracy_score(classes, called, sample_weight=w), True)
    case("meanIou", on, lambda w: M.jaccard_score(classes, called, average="macro", sample_weight=w), True)
    case("iou", on, lambda w: M.jaccard_score(classes, called, average="macro", labels=[1, 3], sample_weight=w), True,
         [[1, 3]])
    for weighting in ("linear", "quadratic"):
        case("cohenKappa", on, lambda w: M.cohen_kappa_score(classes, called, weights=weighting, sample_weight=w), True,
             [{"weights": weighting}])
case("oneHotMeanIou", "onehot", lambda w: M.jaccard_score(classes, called, average="macro", sample_weight=w), True)
case("oneHotIou", "onehot",
     lambda w: M.jaccard_score(classes, called, average="macro", labels=[0, 2], sample_weight=w), True, [[0, 2]])
case("categoricalCrossentropy", "onehot", lambda w: M.log_loss(classes, scores, sample_weight=w), True)
case("sparseCategoricalCrossentropy", "sparse", lambda w: M.log_loss(classes, scores, sample_weight=w), True)
case("binaryCrossentropy", "binary", lambda w: M.log_loss(flat_y, flat_p, sample_weight=w), True)
case("hinge", "binary", lambda w: M.hinge_loss(flat_y, flat_p, sample_weight=w), True)
case("cosineSimilarity", "counts", lambda w: np.average(1 - paired_cosine_distances(counts_y, counts_p), weights=w), True)
case("perplexity", "sparse", lambda w: np.exp(M.log_loss(classes, scores, sample_weight=w)), True)

uniform = {"multioutput": "uniform_average"}
case("meanSquaredError", "real", lambda w: M.mean_squared_error(real_y, real_p, sample_weight=w, **uniform), True)
case("rootMeanSquaredError", "real",
     lambda w: np.sqrt(M.mean_squared_error(real_y, real_p, sample_weight=w, **uniform)), True)
case("meanAbsoluteError", "real", lambda w: M.mean_absolute_error(real_y, real_p, sample_weight=w, **uniform), True)
case("meanAbsolutePercentageError", "real",
     lambda w: 100 * M.mean_absolute_percentage_error(real_y, real_p, sample_weight=w, **uniform), True)
case("meanSquaredLogarithmicError", "counts",
     lambda w: M.mean_squared_log_error(counts_y, counts_p, sample_weight=w, **uniform), True)
case("r2", "real", lambda w: M.r2_score(real_y, real_p, sample_weight=w, **uniform), True)
case("r2", "real", lambda w: M.r2_score(real_y, real_p, sample_weight=w, multioutput="variance_weighted"), True,
     [{"aggregation": "variance"}])

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json"), "w") as file:
    arrays = {name: {"output": p.tolist(), "target": y.tolist()} for name, (p, y) in data.items()}
    lines = ",\n".join(json.dumps(x, separators=(",", ":")) for x in cases)
    file.write('{"weights":%s,\n"data":%s,\n"cases":[\n%s\n]}\n' % (
        json.dumps(weights.tolist()), json.dumps(arrays, separators=(",", ":")), lines))
print(len(cases), "cases")

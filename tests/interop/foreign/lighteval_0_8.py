"""Four questions through lighteval 0.8.1's own DetailsLogger and EvaluationTracker, without a model.

python tests/interop/foreign/lighteval_0_8.py tests/interop/data/lm-eval/pocket-base/samples_pocket_sampled_*.jsonl out
"""

import collections
import json
import sys
import types

import xxhash
from lighteval.logging.evaluation_tracker import EvaluationTracker
from lighteval.metrics.utils.metric_utils import MetricCategory
from lighteval.models.model_output import GenerativeResponse
from lighteval.tasks.requests import Doc

of_bytes = xxhash.xxh64
xxhash.xxh64 = lambda *given: of_bytes(*(one.encode() if isinstance(one, str) else one for one in given))
source, output = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    rows = [json.loads(line) for line in file][:4]
tracker = EvaluationTracker(output_dir=output, save_details=True)
tracker.general_config_logger.model_name = "pocket-base"
task = types.SimpleNamespace(
    has_metric_category=collections.defaultdict(bool, {MetricCategory.GENERATIVE: True})
)
for row in rows:
    question = row["doc"]["question"]
    doc = Doc(query=question, choices=[row["target"]], gold_index=0, task_name="pocket")
    doc.ctx, doc.specific = question, {"none": 0}
    doc.num_effective_few_shots = doc.num_asked_few_shots = 0
    made = GenerativeResponse(result=row["resps"][0], input_tokens=[1], generated_tokens=[2])
    tracker.details_logger.log("custom|pocket|0", task, doc, [made], {"extractive_match": row["exact_match"]})
tracker.save()

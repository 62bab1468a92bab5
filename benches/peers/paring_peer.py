"""paring itself: the binary on the path, or the one named by the environment variable PARING."""

import json
import os
import subprocess
import tempfile
import time

from results import ALL, Result


def run(task, budgets, options):
    paring = os.environ.get("PARING", "paring")
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "model")
        for budget in budgets:
            if ("paring", budget) in options.done:
                continue
            began = time.time()
            nonzeros = str(10**9 if budget == ALL else budget)
            subprocess.run(
                [paring, "train", task.train_path, "-o", model, "--nonzeros", nonzeros],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            seconds = time.time() - began
            report = subprocess.run(
                [paring, "evaluate", "-m", model, "--json", task.test_path],
                check=True,
                capture_output=True,
            )
            found = json.loads(report.stdout)
            yield Result("paring", budget, found["nonzeros"], found["bytes"], found["accuracy"], seconds, "")

#!/usr/bin/env python3
"""Compare ways to train: tools/ablate.py configs/ablations/recipe.yaml [--folder F] [key=value]

Trains every variant with every seed on an equal budget and writes a table with error bars. What is finished is not done
again: after an interruption, or with one more seed, give the command again. Given twice at a time, two processes share
the work.
"""

from __future__ import annotations

from meshrec.command_line import EXIT_EXPLAINED, EXIT_OK, OneLineParser, run_command


def main(arguments=None) -> int:
    parser = OneLineParser(description="Compare ways to train, on equal budgets and with error bars over seeds.")
    parser.add_argument("config", help="YAML file of the comparison, for example configs/ablations/recipe.yaml")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes, for example seeds=[1,2,3,4,5]")
    parser.add_argument("--folder", default=None, help="for the runs and the table (default: runs/ablations/CONFIG)")
    options = parser.parse_intermixed_args(arguments)

    from meshrec.ablation import run_ablation

    outcome = run_ablation(options.config, options.overrides, options.folder)
    print(outcome.table)
    return EXIT_EXPLAINED if outcome.failures else EXIT_OK


if __name__ == "__main__":
    raise SystemExit(run_command(main))

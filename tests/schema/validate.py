"""Holds values against a JSON Schema: {"schema": …, "values": {NAME: VALUE}} in, {NAME: [ERROR, …]} out."""

import json
import sys

from jsonschema import Draft202012Validator

given = json.load(sys.stdin)
Draft202012Validator.check_schema(given["schema"])
validator = Draft202012Validator(given["schema"])


def errors(value):
    return [f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(value)]


json.dump({name: errors(value) for name, value in given["values"].items()}, sys.stdout)

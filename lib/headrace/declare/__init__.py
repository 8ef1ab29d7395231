"""What a use case is made of. Light: importing a declaration imports neither pyspark nor tensorflow."""

from headrace.declare.check import Check
from headrace.declare.contract import Contract
from headrace.declare.feed import Feed
from headrace.declare.inputs import category, cyclic, number
from headrace.declare.model import Days, Gate, Label, Model
from headrace.declare.table import LookBack, Table
from headrace.declare.usecase import UseCase, load

__all__ = [
    "Check",
    "Contract",
    "Days",
    "Feed",
    "Gate",
    "Label",
    "LookBack",
    "Model",
    "Table",
    "UseCase",
    "category",
    "cyclic",
    "load",
    "number",
]

"""What a use case is made of. Importing a declaration imports neither pyspark nor tensorflow."""

from headrace.declare.check import Check
from headrace.declare.contract import Contract
from headrace.declare.cut_off import CutOff
from headrace.declare.demo import Demo
from headrace.declare.depends import File, Package, Version
from headrace.declare.feed import Feed
from headrace.declare.formats import csv
from headrace.declare.inputs import category, cyclic, number
from headrace.declare.lookback import LookBack, Source
from headrace.declare.model import Days, Gate, Model
from headrace.declare.table import Label, Table
from headrace.declare.usecase import UseCase, load

__all__ = [
    "Check",
    "Contract",
    "CutOff",
    "Days",
    "Demo",
    "Feed",
    "File",
    "Gate",
    "Label",
    "LookBack",
    "Model",
    "Package",
    "Source",
    "Table",
    "UseCase",
    "Version",
    "category",
    "csv",
    "cyclic",
    "load",
    "number",
]

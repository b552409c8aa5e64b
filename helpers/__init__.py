"""Helpers for the lessons: one small module for each step between a picture and its LaTeX."""

from helpers import minicpm

minicpm.register()

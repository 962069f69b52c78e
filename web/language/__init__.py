"""The language of the pages: English as written in the code, others from catalogues (`*.po`).

The API, exports and the command line stay English.
"""

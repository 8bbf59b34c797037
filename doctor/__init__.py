"""How an installation is: what its parts are examined for, and what to do where one is not well.

`jieru doctor` and the administrator's pages both say what is found here. Facts are read at the
edge (`..._facts`); what they mean is judged where nothing is read any more (`..._checks`).
"""

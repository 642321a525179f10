"""The vendor's own tests of recombee-api-client 3.2.0 (2021), which are in its source package, against a real server.

The first argument is the folder of the source package; the environment names the binary: TASTEMAKER.
"""

import os
import re
import sys
import unittest
from pathlib import Path

from server import start_server

SOURCE = Path(sys.argv[1])

# Tests that cannot pass, each with the reason.
CANNOT_PASS = {
    "tests.test_cases.test_item_based_recommendation.ItemBasedRecommendationTestCase.test_recommendation":
        "it names a parameter that the client does not have (expert_settings)",
}


class Lines(unittest.TestResult):
    """A line for each test, as tests/sdk/run counts them."""

    def say(self, word, test, why=""):
        name = f"{type(test).__module__.rsplit('.', 1)[-1]}: {test._testMethodName}"
        print(f"{word} recombee-old-client: {name}{why}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.say("ok  ", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.say("FAIL", test, f": {error[0].__name__}: {error[1]}")

    def addError(self, test, error):
        super().addError(test, error)
        self.say("FAIL", test, f": {error[0].__name__}: {error[1]}")


def main():
    tests = SOURCE / "tests" / "test_cases"
    database, token = re.search(r"RecombeeClient\('(.*?)', '(.*?)'\)", (tests / "recombee_test.py").read_text()).groups()
    host, data = start_server(f'[[workspace]]\nid = "{database}"\nprivate_token = "{token}"\n', tls=True)
    os.environ["RAPI_URI"] = host.removeprefix("https://")
    os.environ["REQUESTS_CA_BUNDLE"] = str(data / "tls" / "cert.pem")
    sys.path.insert(0, str(SOURCE))
    # The files without test_ in their names are bases whose requests the others make.
    suite = unittest.defaultTestLoader.discover(str(tests), top_level_dir=str(SOURCE))
    bases = "tests.test_cases.test_"
    result = Lines()
    for test in flatten(suite):
        if test.id() in CANNOT_PASS:
            result.say("skip", test, f": {CANNOT_PASS[test.id()]}")
        elif test.id().startswith(bases):
            test.run(result)
    raise SystemExit(0 if result.testsRun and result.wasSuccessful() else 1)


def flatten(suite):
    for test in suite:
        yield from flatten(test) if isinstance(test, unittest.TestSuite) else [test]


main()

"""The named checks of a test: a line for each, as tests/sdk/run counts them."""


class Checks:
    """The decorator that runs a check at once; what the function is named is what the check says."""

    def __init__(self, test):
        self.test = test
        self.n_failed = 0

    def __call__(self, body):
        name = body.__name__
        name = name.replace("_", " ") if name.isidentifier() else name
        try:
            body()
            print(f"ok   {self.test}: {name}", flush=True)
        except Exception as error:
            self.n_failed += 1
            print(f"FAIL {self.test}: {name}: {type(error).__name__}: {error}", flush=True)


def equal(found, wanted):
    assert found == wanted, f"found {found!r}, wanted {wanted!r}"

"""What the Python programs assert of errors."""


def raises(kind, words, action):
    try:
        action()
    except kind as error:
        assert words in str(error), str(error)
    else:
        raise AssertionError(f"no {kind.__name__}")

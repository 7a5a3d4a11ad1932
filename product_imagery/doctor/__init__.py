"""The looks behind ``imagery_doctor`` and the health URL: each in a bounded time, each with a sentence that helps."""

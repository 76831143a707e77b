"""The cost of a password as Farebox itself has it: in a process of its own, as the suite's passwords are cheap."""

import subprocess
import sys


def test_a_password_costs_what_the_library_recommends() -> None:
    script = "from app.accounts.passwords import Passwords; print(Passwords().hash('correct horse battery'))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("$argon2id$v=19$m=65536,t=3,p=4$")

"""Serves ministack on a free port of 127.0.0.1 until standard input ends; prints the port."""
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile

# A port that is ours before anybody else can have it: ministack inherits the open socket.
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]

signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that what follows `finally` is done
with tempfile.TemporaryDirectory(prefix="ministack-") as scratch:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # It writes here, and nowhere else.
        "HOME": scratch,
        "TMPDIR": scratch,
        "STATE_DIR": scratch,
        "S3_DATA_DIR": scratch,
        # It would end containers of the machine's Docker that it takes for its own, and listen on more ports.
        "DOCKER_HOST": f"unix://{scratch}/no-docker",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "hypercorn", "ministack.app:app", "--workers", "0", "--bind", f"fd://{listener.fileno()}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        pass_fds=[listener.fileno()], cwd=scratch, env=environment, start_new_session=True)
    listener.close()  # only it holds the port now: when it dies, whoever asks is told at once
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/_ministack/health")
        connection.getresponse()
        print(port, flush=True)
        sys.stdin.read()  # whoever started us holds the other end: we end with it
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # with the functions that it runs
        server.wait()

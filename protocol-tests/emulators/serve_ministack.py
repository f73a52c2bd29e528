"""Serves ministack on a free port of 127.0.0.1 until standard input is closed. Prints the port."""
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile

# Bind the port before another process can take it: ministack inherits the open socket.
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]

signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that the `finally` block runs
with tempfile.TemporaryDirectory(prefix="ministack-") as scratch:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # ministack must write only to this directory.
        "HOME": scratch,
        "TMPDIR": scratch,
        "STATE_DIR": scratch,
        "S3_DATA_DIR": scratch,
        # Otherwise ministack stops Docker containers of the machine that it considers its own, and listens on more
        # ports.
        "DOCKER_HOST": f"unix://{scratch}/no-docker",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "hypercorn", "ministack.app:app", "--workers", "0", "--bind", f"fd://{listener.fileno()}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        pass_fds=[listener.fileno()], cwd=scratch, env=environment, start_new_session=True)
    listener.close()  # now only ministack has the socket: if it dies, clients get an error at once
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/_ministack/health")
        connection.getresponse()
        print(port, flush=True)
        sys.stdin.read()  # ends when the parent process ends
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # also kills the functions that it runs
        server.wait()

"""Serves moto on a free port of 127.0.0.1 until standard input is closed. Prints the port."""
import sys

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()  # ends when the parent process ends
server.stop()

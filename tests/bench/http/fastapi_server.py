"""fastapi_server.py <port>: the same answer from FastAPI on uvicorn (uvloop, httptools), one process, no access log."""
import os
import sys
import threading

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def hello():
    return {"message": "hello, world"}


def end_with_standard_input():
    sys.stdin.buffer.read()
    os._exit(0)


@app.on_event("startup")
async def ready():
    print("ready", flush=True)


threading.Thread(target=end_with_standard_input, daemon=True).start()
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False, loop="uvloop",
            http="httptools", backlog=4096)

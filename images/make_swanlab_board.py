"""Photograph SwanLab's board as images/swanlab_board.png: the first run that lessons left. Needs Chromium.

    make tour LESSONS=06_qwen2_vl_lora && LESSON_OUTPUT=build/lessons/en .venv/bin/python images/make_swanlab_board.py

The picture in the repository shows such a run with Settings.tiny(train_samples=960).
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from PIL import Image

from helpers.paths import OUTPUT

PORT = 5993
URL = f"http://127.0.0.1:{PORT}/experiment/1/chart"
PICTURE = Path(__file__).with_name("swanlab_board.png")


def wait_for(url, seconds=60):
    for _ in range(seconds):
        try:
            return requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(1)
    raise TimeoutError(f"{url}: no board after {seconds} s -> try by hand: swanlab watch {OUTPUT / 'swanlog'}")


swanlab = [Path(sys.executable).with_name("swanlab"), "watch", OUTPUT / "swanlog", "--port", str(PORT)]
chromium = ["chromium", "--headless", "--hide-scrollbars", "--lang=en-US", "--window-size=1250,600"]
chromium += ["--virtual-time-budget=10000"] + ["--no-sandbox"] * (os.geteuid() == 0)
board = subprocess.Popen(swanlab)
try:
    wait_for(URL)
    with TemporaryDirectory() as folder:
        subprocess.run([*chromium, f"--screenshot={folder}/board.png", URL], check=True)
        Image.open(f"{folder}/board.png").convert("RGB").quantize(64).save(PICTURE, optimize=True)
finally:
    board.terminate()

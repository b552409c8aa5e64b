"""Inference: many pictures in batches, answers in a file, a server.

predict, predict_with_confidence, Answer      answers, greedily; with the probabilities of their tokens
sample_answers                     several answers to one picture, drawn at random
find_pictures                      the pictures of a folder, each checked
save_predictions, load_predictions      answers as JSONL, one row a picture
start_server, chat_messages, stop_server         an OpenAI-compatible server for one model folder
"""

from helpers.inference.predict import Answer, predict, predict_with_confidence, sample_answers
from helpers.inference.predictions import find_pictures, load_predictions, save_predictions
from helpers.inference.serve import chat_messages, start_server, stop_server

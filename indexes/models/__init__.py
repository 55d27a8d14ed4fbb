"""Language and embedding models: local, behind OpenAI's API, on SageMaker."""

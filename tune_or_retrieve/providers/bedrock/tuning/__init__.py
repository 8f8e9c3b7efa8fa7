"""Fine-tuning of Nova: training jobs, deployments, prices of training."""

"""Small image models, pictures for them, and their features by timm's own means."""

import numpy as np
import timm
import timm.models._hub
import torch
import torchvision
from model_factory import noise_image
from timm.data import create_transform, resolve_model_data_config


def pictures(n=3):
    return [noise_image(seed, size=(190 + 7 * seed, 171)) for seed in range(n)]


def encode(encoder, images):
    return encoder.encode_images(np.stack([encoder.preprocess(image) for image in images]))


def timm_model(name, *, seed=0, **options):
    """One of timm's test models, a few hundred thousand weights; batch norms know some statistics."""
    torch.manual_seed(seed)
    model = timm.create_model(name, **options)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return model.eval()


@torch.inference_mode()
def timm_oracle(model, images):
    """Pooled features by timm's own transform and its own split into features and head."""
    transform = create_transform(**resolve_model_data_config(model), is_training=False)
    batch = torch.stack([transform(image.convert("RGB")) for image in images])
    return model.forward_head(model.forward_features(batch), pre_logits=True).numpy()


def saved(content, path):
    torch.save(content, path)
    return path


def torchvision_model(name, **options):
    torch.manual_seed(0)
    return torchvision.models.get_model(name, weights=None, **options).eval()

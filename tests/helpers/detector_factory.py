"""Tiny randomly initialised detectors of every family, saved with real tokenizers and their processors."""

import functools

import torch

from memometer.annotators.names import COCO

__all__ = ["FAMILIES", "bert_tokenizer", "clip_tokenizer", "detector_folder", "spread"]

SIDE = 64


@functools.cache
def clip_tokenizer():
    """CLIP's own, of the 49,408 tokens that open_clip ships."""
    from open_clip.tokenizer import SimpleTokenizer
    from transformers import CLIPTokenizer

    own = SimpleTokenizer()
    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocab = {names.get(word, word): place for word, place in own.encoder.items()}
    merges = sorted(own.bpe_ranks, key=own.bpe_ranks.get)
    return CLIPTokenizer(vocab=vocab, merges=[tuple(pair) for pair in merges], model_max_length=16)


@functools.cache
def bert_tokenizer():
    """WordPieces of COCO's names, with the marks where Grounding DINO looks for them: BERT's own places."""
    from transformers import BertTokenizer

    words = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
    free = (place for place in range(1, 2000) if place not in words.values())
    letters = "abcdefghijklmnopqrstuvwxyz0123456789()-,'"
    plain = sorted({word for name in COCO for word in name.split()})
    for word in [*plain, *letters, *(f"##{letter}" for letter in letters)]:
        words.setdefault(word, next(free))
    free = iter(sorted(set(range(2000)) - set(words.values())))
    for place in free:
        words[f"[unused{place}]"] = place
    return BertTokenizer(vocab=words, model_max_length=256)


def owlv2():
    import transformers as hf

    text = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = hf.Owlv2Config(
        text_config={**text, "vocab_size": 49408, "max_position_embeddings": 16, "bos_token_id": 49406},
        vision_config={**text, "image_size": SIDE, "patch_size": 16},
        projection_dim=32,
    )
    images = hf.Owlv2ImageProcessor(size={"height": SIDE, "width": SIDE})
    return hf.Owlv2ForObjectDetection(config), hf.Owlv2Processor(images, clip_tokenizer())


def swin(**more):
    from transformers import SwinConfig

    return SwinConfig(
        image_size=SIDE,
        embed_dim=16,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=2,
        out_indices=[2, 3, 4],
        **more,
    )


def _grounding(config_class, model_class):
    import transformers as hf

    text = hf.BertConfig(
        vocab_size=2000,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=256,
    )
    config = config_class(
        backbone_config=swin(),
        text_config=text,
        num_queries=20,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        d_model=64,
        max_text_len=48,
        disable_custom_kernels=True,
    )
    images = hf.GroundingDinoImageProcessor(size={"shortest_edge": SIDE, "longest_edge": 2 * SIDE})
    return model_class(config), hf.GroundingDinoProcessor(images, bert_tokenizer())


def grounding_dino():
    import transformers as hf

    return _grounding(hf.GroundingDinoConfig, hf.GroundingDinoForObjectDetection)


def mm_grounding_dino():
    import transformers as hf

    return _grounding(hf.MMGroundingDinoConfig, hf.MMGroundingDinoForObjectDetection)


def omdet():
    import transformers as hf

    text = hf.CLIPTextConfig(
        vocab_size=49408,
        hidden_size=64,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=32,
        bos_token_id=49406,
        eos_token_id=49407,
    )
    config = hf.OmDetTurboConfig(
        text_config=text,
        backbone_config=swin(),
        apply_layernorm_after_vision_backbone=False,  # which expects the layout of timm's Swin
        image_size=SIDE,
        text_projection_in_dim=64,
        text_projection_out_dim=64,
        class_embed_dim=64,
        task_encoder_hidden_dim=32,
        num_queries=20,
        encoder_hidden_dim=32,
        decoder_hidden_dim=32,
        vision_features_channels=[32, 32, 32],
        encoder_in_channels=[32, 64, 128],
        encoder_attention_heads=2,
        encoder_dim_feedforward=32,
        decoder_num_heads=2,
        decoder_num_layers=2,
        decoder_dim_feedforward=32,
        disable_custom_kernels=True,
    )
    images = hf.DetrImageProcessor(size={"height": SIDE, "width": SIDE}, do_pad=False)
    tokenizer = clip_tokenizer()
    return hf.OmDetTurboForObjectDetection(config), hf.OmDetTurboProcessor(images, tokenizer)


CLASSES = dict(enumerate(["N/A", "person", "dog", "tennis racket"]))
NAMED = {"id2label": CLASSES, "label2id": {name: place for place, name in CLASSES.items()}}


def _rt_detr(config_class, model_class):
    import transformers as hf

    backbone = hf.RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = config_class(
        backbone_config=backbone,
        encoder_in_channels=[8, 16, 16],
        encoder_hidden_dim=16,
        feat_strides=[8, 16, 32],
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        d_model=16,
        decoder_in_channels=[16, 16, 16],
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        decoder_layers=2,
        num_queries=20,
        num_denoising=0,
        disable_custom_kernels=True,
        **NAMED,
    )
    return model_class(config), hf.RTDetrImageProcessor(size={"height": SIDE, "width": SIDE})


def rt_detr():
    import transformers as hf

    return _rt_detr(hf.RTDetrConfig, hf.RTDetrForObjectDetection)


def rt_detr_v2():
    import transformers as hf

    return _rt_detr(hf.RTDetrV2Config, hf.RTDetrV2ForObjectDetection)


def rf_detr():
    import transformers as hf

    backbone = hf.AutoConfig.for_model(
        "rf_detr_dinov2",
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        num_windows=2,
        out_features=["stage2", "stage4"],
    )
    config = hf.RfDetrConfig(
        backbone_config=backbone,
        d_model=32,
        decoder_layers=2,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2,
        decoder_ffn_dim=32,
        num_queries=10,
        group_detr=2,
        **NAMED,
    )
    return hf.RfDetrForObjectDetection(config), hf.RfDetrImageProcessor(size={"height": 56, "width": 56})


def detr():
    import transformers as hf

    config = hf.DetrConfig(
        use_timm_backbone=False,
        backbone_config=hf.ResNetConfig(
            embedding_size=8,
            hidden_sizes=[8, 8, 16, 16],
            depths=[1, 1, 1, 1],
            layer_type="basic",
            out_features=["stage4"],
        ),
        num_queries=20,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        **NAMED,
    )
    images = hf.DetrImageProcessor(size={"shortest_edge": SIDE, "longest_edge": 2 * SIDE})
    return hf.DetrForObjectDetection(config), images


FAMILIES = {
    "owlv2": owlv2,
    "grounding-dino": grounding_dino,
    "mm-grounding-dino": mm_grounding_dino,
    "omdet": omdet,
    "rt_detr": rt_detr,
    "rt_detr_v2": rt_detr_v2,
    "rf_detr": rf_detr,
    "detr": detr,
}
"""Name → a function that makes a model and its processor."""


def detector_folder(folder, family):
    """A folder of a family, as ``save_pretrained`` writes it."""
    torch.manual_seed(0)
    model, processor = FAMILIES[family]()
    spread(model.eval())
    if family == "grounding-dino":  # whose logits are products of whole vectors: else every score is 1
        with torch.no_grad():
            model.model.decoder.layer_norm.weight.mul_(0.05)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@torch.no_grad()
def spread(model):
    """Draws all weights anew and wide, so that boxes and scores of fresh models differ from one another."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in model.named_parameters():
        if tensor.ndim >= 2 and "embed" not in name:
            tensor.copy_(torch.randn(tensor.shape, generator=generator) / tensor[0].numel() ** 0.5 * 1.5)

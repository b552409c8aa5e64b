"""What is known of the official checkpoints: configs, special tokens and their ids, and where that is known from."""

from helpers.pretraining.tiny_qwen2_vl import QWEN2_VL_SPECIAL_TOKENS

# Qwen/Qwen2-VL-2B-Instruct: the flat config of transformers 4.
QWEN2_VL = {
    "architectures": ["Qwen2VLForConditionalGeneration"],
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "vision_start_token_id": 151652,
    "vision_end_token_id": 151653,
    "vision_token_id": 151654,
    "image_token_id": 151655,
    "video_token_id": 151656,
    "hidden_act": "silu",
    "hidden_size": 1536,
    "initializer_range": 0.02,
    "intermediate_size": 8960,
    "max_position_embeddings": 32768,
    "max_window_layers": 28,
    "model_type": "qwen2_vl",
    "num_attention_heads": 12,
    "num_hidden_layers": 28,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "sliding_window": 32768,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_sliding_window": False,
    "vision_config": {
        "depth": 32, "embed_dim": 1280, "mlp_ratio": 4, "num_heads": 16, "in_chans": 3, "hidden_size": 1536,
        "patch_size": 14, "spatial_merge_size": 2, "spatial_patch_size": 14, "temporal_patch_size": 2,
    },
    "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
    "vocab_size": 151936,
    "transformers_version": "4.41.2",
}  # fmt: skip
QWEN2_VL_TINY = {
    "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_hidden_layers": 2,
    "num_key_value_heads": 1, "rope_scaling": {"mrope_section": [2, 3, 3]},
    "vision_config": {"depth": 2, "embed_dim": 32, "num_heads": 2, "hidden_size": 32},
}  # fmt: skip

# zai-org/GLM-OCR: config.json as unchanged copies of the repository show it (huggingface.co/richtext/GLM-OCR).
# The copies saved by later releases of transformers (SimpleCodeAI/glm-ocr-finetuned) agree in every value.
GLM_OCR = {
    "architectures": ["GlmOcrForConditionalGeneration"],
    "model_type": "glm_ocr",
    "text_config": {
        "model_type": "glm_ocr_text",
        "pad_token_id": 59246,
        "vocab_size": 59392,
        "eos_token_id": [59246, 59253],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "head_dim": 128,
        "hidden_act": "silu",
        "hidden_size": 1536,
        "initializer_range": 0.02,
        "intermediate_size": 4608,
        "max_position_embeddings": 131072,
        "num_attention_heads": 16,
        "num_hidden_layers": 16,
        "num_nextn_predict_layers": 1,
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-05,
        "dtype": "bfloat16",
        "rope_parameters": {
            "rope_type": "default", "mrope_section": [16, 24, 24], "partial_rotary_factor": 1.0, "rope_theta": 10000,
        },
        "tie_word_embeddings": False,
        "use_cache": True,
    },
    "vision_config": {
        "model_type": "glm_ocr_vision", "hidden_size": 1024, "depth": 24, "num_heads": 16, "attention_bias": True,
        "intermediate_size": 4096, "hidden_act": "silu", "hidden_dropout_prob": 0.0, "initializer_range": 0.02,
        "image_size": 336, "patch_size": 14, "out_hidden_size": 1536, "rms_norm_eps": 1e-05, "spatial_merge_size": 2,
        "temporal_patch_size": 2,
    },
    "image_start_token_id": 59256,
    "image_end_token_id": 59257,
    "video_start_token_id": 59258,
    "video_end_token_id": 59259,
    "image_token_id": 59280,
    "video_token_id": 59281,
    "transformers_version": "5.0.1dev0",
}  # fmt: skip
GLM_OCR_TINY = {
    "text_config": {
        "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_hidden_layers": 2,
        "num_key_value_heads": 1, "head_dim": 16, "rope_parameters": {"mrope_section": [2, 3, 3]},
    },
    "vision_config": {"depth": 2, "hidden_size": 32, "num_heads": 2, "intermediate_size": 48, "out_hidden_size": 32},
}  # fmt: skip
# openbmb/MiniCPM-o-2_6: config.json and the two below as an unchanged copy shows them (github.com/ign-saurav/tt-metal,
# models/experimental/miniCPMo), less Whisper's own token ids.
MINICPM_O = {
    "_name_or_path": "openbmb/MiniCPM-o-2_6",
    "architectures": ["MiniCPMO"],
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "hidden_act": "silu",
    "hidden_size": 3584,
    "initializer_range": 0.02,
    "intermediate_size": 18944,
    "max_position_embeddings": 32768,
    "max_window_layers": 28,
    "num_attention_heads": 28,
    "num_hidden_layers": 28,
    "num_key_value_heads": 4,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "sliding_window": 131072,
    "tie_word_embeddings": False,
    "use_sliding_window": False,
    "vocab_size": 151700,
    "batch_vision_input": True,
    "drop_vision_last_layer": False,
    "image_size": 448,
    "audio_chunk_length": 1.0,
    "audio_config": {
        "_name_or_path": "openai/whisper-medium", "architectures": ["MiniCPMWhisperEncoder"], "d_model": 1024,
        "decoder_attention_heads": 16, "decoder_ffn_dim": 4096, "decoder_layers": 24, "encoder_attention_heads": 16,
        "encoder_ffn_dim": 4096, "encoder_layers": 24, "max_length": 448, "model_type": "whisper",
        "num_hidden_layers": 24, "torch_dtype": "float32",
    },
    "audio_pool_step": 2,
    "auto_map": {
        "AutoConfig": "configuration_minicpm.MiniCPMOConfig", "AutoModel": "modeling_minicpmo.MiniCPMO",
        "AutoModelForCausalLM": "modeling_minicpmo.MiniCPMO",
    },
    "chunk_input": True,
    "listen_speak_type": "asr",
    "model_type": "minicpmo",
    "patch_size": 14,
    "query_num": 64,
    "slice_config": {"max_slice_nums": 9, "model_type": "minicpmv"},
    "slice_mode": True,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.44.2",
    "tts_config": {"model_type": "conditional_chattts", "llm_dim": 3584},
    "use_cache": True,
    "use_image_id": True,
    "version": 2.6,
    "vision_batch_size": 16,
    "vision_config": {
        "hidden_size": 1152, "image_size": 980, "intermediate_size": 4304, "model_type": "siglip_vision_model",
        "num_attention_heads": 16, "num_hidden_layers": 27, "patch_size": 14,
    },
}  # fmt: skip
MINICPM_TINY = {
    "vocab_size": 512, "hidden_size": 128, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "vision_config": {
        "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 2,
        "image_size": 980, "patch_size": 14,
    },
}  # fmt: skip
MINICPM_O_TINY = MINICPM_TINY | {
    "audio_config": {
        "d_model": 64, "encoder_layers": 1, "num_hidden_layers": 1, "encoder_attention_heads": 2,
        "encoder_ffn_dim": 64, "num_mel_bins": 80,
    },
}  # fmt: skip
# openbmb/MiniCPM-V-4_5: config.json and tokenizer_config.json as a copy of the repository shows them
# (github.com/PcOffeeP/FineTune_MLLM, Model/MiniCPM-VL-4.5).
MINICPM_V = {
    "_name_or_path": "openbmb/MiniCPM-V-4_5",
    "version": 4.5,
    "architectures": ["MiniCPMV"],
    "auto_map": {
        "AutoConfig": "configuration_minicpm.MiniCPMVConfig", "AutoModel": "modeling_minicpmv.MiniCPMV",
        "AutoModelForCausalLM": "modeling_minicpmv.MiniCPMV",
    },
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "head_dim": 128,
    "hidden_act": "silu",
    "hidden_size": 4096,
    "initializer_range": 0.02,
    "intermediate_size": 12288,
    "max_position_embeddings": 40960,
    "max_window_layers": 36,
    "num_attention_heads": 32,
    "num_hidden_layers": 36,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-06,
    "rope_scaling": None,
    "rope_theta": 1000000,
    "sliding_window": None,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.51.0",
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": 151748,
    "batch_vision_input": True,
    "batch_3d_resampler": True,
    "drop_vision_last_layer": False,
    "image_size": 448,
    "model_type": "minicpmv",
    "patch_size": 14,
    "query_num": 64,
    "slice_config": {"max_slice_nums": 9, "patch_size": 14, "model_type": "minicpmv"},
    "slice_mode": True,
    "vision_config": {
        "hidden_size": 1152, "image_size": 980, "intermediate_size": 4304, "model_type": "siglip",
        "num_attention_heads": 16, "num_hidden_layers": 27, "patch_size": 14,
    },
}  # fmt: skip
MINICPM_V_TINY = MINICPM_TINY | {"head_dim": 64}
MTP_LAYER = 16  # GLM-OCR's layer for multi-token prediction, which transformers passes over

# The special tokens in the order of their ids. GLM-OCR's: huggingface.co/textagent/GLM-OCR-ONNX, tokenizer_config.json.
TOKENS = {
    "qwen2_vl": QWEN2_VL_SPECIAL_TOKENS,
    "glm_ocr": (
        "<|endoftext|> [MASK] [gMASK] [sMASK] <sop> <eop> <|system|> <|user|> <|assistant|> <|observation|> "
        "<|begin_of_image|> <|end_of_image|> <|begin_of_video|> <|end_of_video|> <|begin_of_audio|> <|end_of_audio|> "
        "<|begin_of_transcription|> <|end_of_transcription|> <|code_prefix|> <|code_middle|> <|code_suffix|> "
        "<think> </think> <tool_call> </tool_call> <tool_response> </tool_response> <arg_key> </arg_key> <arg_value> "
        "</arg_value> /nothink <|begin_of_box|> <|end_of_box|> <|image|> <|video|>"
    ).split(),
    "minicpm_o": (
        "<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|> "
        "<|quad_start|> <|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|> "
        "<tool_call> </tool_call> <|fim_prefix|> <|fim_middle|> <|fim_suffix|> <|fim_pad|> <|repo_name|> <|file_sep|> "
        "<image> </image> <ref> </ref> <box> </box> <quad> </quad> <point> </point> <slice> </slice> "
        "<image_id> </image_id> <unit> </unit> <asr> </asr> <query> </query> <|audio_start|> <|audio|> <|audio_end|> "
        "<|spk_bos|> <|spk|> <|spk_eos|> <|tts_bos|> <|tts_eos|> <|listen|> <|speak|> <|interrupt|> <|vad_start|> "
        "<|vad_end|> <reserved_43> <reserved_53>"
    ).split(),
    "minicpm_v": (
        "<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|> "
        "<|quad_start|> <|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|> "
        "<tool_call> </tool_call> <|fim_prefix|> <|fim_middle|> <|fim_suffix|> <|fim_pad|> <|repo_name|> <|file_sep|> "
        "<tool_response> </tool_response> <think> </think> "
        "<image> </image> <ref> </ref> <box> </box> <quad> </quad> <point> </point> <slice> </slice> "
        "<image_id> </image_id> <unit> </unit> " + " ".join(f"<|reserved_{index}|>" for index in range(63))
    ).split(),
}
FIRST_TOKEN = {
    "qwen2_vl": 151643,
    "glm_ocr": 59246,
    "minicpm_o": 151643,
    "minicpm_v": 151643,
}  # id of the first special token
UNKNOWN_TOKEN = 128244  # MiniCPM's <unk>, the place of an image token, lies in the midst of the words
CONFIGS = {
    "qwen2_vl": (QWEN2_VL, QWEN2_VL_TINY), "glm_ocr": (GLM_OCR, GLM_OCR_TINY), "minicpm_o": (MINICPM_O, MINICPM_O_TINY),
    "minicpm_v": (MINICPM_V, MINICPM_V_TINY),
}  # fmt: skip
PREPROCESSOR = {  # both see pictures as CLIP does, in patches of 14 pixels, 2 x 2 of them a token
    "patch_size": 14, "temporal_patch_size": 2, "merge_size": 2,
    "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
}  # fmt: skip

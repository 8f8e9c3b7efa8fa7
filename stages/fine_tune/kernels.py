"""Forward and backward pass of a LoRA layer and of attention with few passes over memory."""

from typing import Any

import torch


class _LoraLinear(torch.autograd.Function):
    """y = x Wᵀ + b + s (x Aᵀ) Bᵀ. W and b are frozen and get no gradient. A and B are float32, cast."""

    @staticmethod
    def forward(ctx: Any, x, weight, bias, down, up, scaling):
        rows = x.reshape(-1, x.shape[-1])
        down_cast, up_cast = down.to(x.dtype), (up * scaling).to(x.dtype)
        middle = rows @ down_cast.t()
        y = torch.nn.functional.linear(rows, weight, bias)
        y.addmm_(middle, up_cast.t())
        ctx.save_for_backward(rows, weight, down_cast, up_cast, middle)
        ctx.scaling = scaling
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient):
        rows, weight, down_cast, up_cast, middle = ctx.saved_tensors
        flat = gradient.reshape(-1, gradient.shape[-1])
        low = flat @ up_cast
        dx = None
        if ctx.needs_input_grad[0]:
            dx = (flat @ weight).addmm_(low, down_cast).view(*gradient.shape[:-1], -1)
        d_down = (low.t() @ rows).float()
        d_up = (flat.t() @ middle).float() * ctx.scaling
        return dx, None, None, d_down, d_up, None


def lora_linear(x: torch.Tensor, weight, bias, down, up, scaling: float) -> torch.Tensor:
    """A linear layer with its LoRA.

    Args:
        x: ``(..., in)``.
        weight: ``(out, in)``.
        bias: ``(out,)`` or None.
        down, up: LoRA's A ``(r, in)`` and B ``(out, r)``.
    """
    return _LoraLinear.apply(x, weight, bias, down, up, scaling)


def attention(module, query, key, value, attention_mask, scaling: float | None = None, **_: Any):
    """Attention as matrix products: faster here than PyTorch's fused kernel for CPUs, and any mask costs the same.

    Args:
        query: ``(b, heads, t, d)``; key, value: ``(b, groups, k, d)``.
        attention_mask: additive, ``(b or 1, 1, t, k)``.

    Returns:
        ``(b, t, heads, d)`` and None, as transformers' attention interface requires.
    """
    b, heads, t, d = query.shape
    groups, k = key.shape[1:3]
    scaled = query * (d**-0.5 if scaling is None else scaling)
    # Heads that share a key are rows of one product.
    scores = scaled.reshape(b, groups, heads // groups * t, d) @ key.transpose(-1, -2)
    scores = scores.view(b, heads, t, k).add_(attention_mask)
    weights = torch.softmax(scores, dim=-1).view(b, groups, heads // groups * t, k)
    out = (weights @ value).view(b, heads, t, d)
    return out.transpose(1, 2).contiguous(), None

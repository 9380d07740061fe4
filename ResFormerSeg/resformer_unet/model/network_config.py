"""What determines the structure of a network; known without PyTorch."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that determines the network's structure; the values are plain, so that it travels as JSON.

    Level ``l`` works at 1 / 2**(l + 1) of the input's resolution. Raises ``ValueError`` if impossible.
    """

    in_channels: int = 1
    segments: int = 1  # 0: no segmentation task
    exclusive: bool = False  # True: one segment a pixel (softmax with background); False: they may overlap
    diagnoses: int = 2  # 0: no diagnosis task
    widths: tuple[int, ...] = (16, 32, 64, 128, 192)  # feature channels of each level
    depths: tuple[int, ...] = (1, 1, 1, 1, 1)  # residual convolutions of each level
    heads: tuple[int, ...] = (0, 2, 4, 4, 6)  # attention heads of each level; 0: no Transformer there
    pooling: tuple[int, ...] = (1, 8, 4, 2, 1)  # keys and values are averaged over pooling x pooling pixels
    mlp_ratio: int = 2
    dilations: tuple[int, int, int] = (1, 2, 4)  # of the three DFE branches
    dropout: float = 0.1
    transformer: bool = True
    dfe: bool = True
    multi_level_head: bool = True  # False: the diagnosis sees the deepest level only
    mask_guided: bool = False  # True: the diagnosis also sees the decoder's masks

    def __post_init__(self) -> None:
        for name in ("widths", "depths", "heads", "pooling", "dilations"):  # JSON gives lists
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not len(self.widths) == len(self.depths) == len(self.heads) == len(self.pooling) >= 2:
            raise ValueError("widths, depths, heads and pooling need one value for each of at least two levels")
        if min(self.heads) < 0:
            raise ValueError("the number of attention heads of a level must be at least 0")
        if any(heads and width % heads for width, heads in zip(self.widths, self.heads, strict=True)):
            raise ValueError("each level's width must be divisible by its number of attention heads")
        if min(self.in_channels, *self.widths, *self.depths, *self.pooling, *self.dilations, self.mlp_ratio) < 1:
            raise ValueError("channels, widths, depths, pooling, dilations and mlp_ratio must be at least 1")
        if len(self.dilations) != 3:
            raise ValueError("a DFE module has three branches: give three dilation rates")
        if min(self.segments, self.diagnoses) < 0 or self.segments + self.diagnoses == 0:
            raise ValueError("a network needs at least one segment or one diagnosis")
        if not 0 <= self.dropout < 0.5:  # the classification head drops twice as many
            raise ValueError("dropout must be at least 0 and below 0.5")

    @classmethod
    def small(cls, **changes) -> NetworkConfig:
        """For a CPU: at most 3 M parameters and 1.5 GMAC at 256x256."""
        return cls(**{"mask_guided": True, **changes})

    @classmethod
    def base(cls, **changes) -> NetworkConfig:
        """For a GPU: at most 10 M parameters and 6 GMAC at 256x256."""
        larger = dict(widths=(40, 80, 144, 224, 320), depths=(1, 1, 2, 2, 1), heads=(0, 4, 4, 8, 8))
        return cls(**{"mask_guided": True, **larger, **changes})

    @property
    def segmentation_channels(self) -> int:
        """Channels of the segmentation logits: exclusive segments have the background as channel 0."""
        return self.segments + int(self.exclusive) if self.segments else 0

    @property
    def feature_levels(self) -> range:
        """The encoder levels whose features tell an out-of-distribution image: of five the second to fourth.

        The first holds little but brightness, and the last omits what does not matter for the
        diagnosis. A network of two levels has only these.
        """
        count = len(self.widths)
        return range(1, count - 1) if count > 2 else range(count)

    def to_dict(self) -> dict:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

"""What determines the structure of a network; known without PyTorch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple


class Stage(NamedTuple):
    """Inverted residual blocks of one width within an encoder level."""

    width: int  # output channels
    blocks: int
    kernel: int  # of the depthwise convolutions
    expansion: int  # inner channels / input channels


# Tan and Le: EfficientNet, ICML 2019, arXiv:1905.11946, in its "lite" form, without the last stage.
EFFICIENTNET_LITE0 = (
    (Stage(16, 1, 3, 1),),
    (Stage(24, 2, 3, 6),),
    (Stage(40, 2, 5, 6),),
    (Stage(80, 3, 3, 6), Stage(112, 3, 5, 6)),
    (Stage(192, 4, 5, 6),),
)
EFFICIENTNET_LITE2 = (
    (Stage(16, 1, 3, 1),),
    (Stage(24, 3, 3, 6),),
    (Stage(48, 3, 5, 6),),
    (Stage(88, 4, 3, 6), Stage(120, 4, 5, 6)),
    (Stage(208, 5, 5, 6),),
)


# Fields that follow from a data set's images, segments and diagnoses; fields on which no tensor depends.
TASKS, TENSORLESS = ("in_channels", "segments", "exclusive", "diagnoses"), ("dropout",)


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that determines the network's structure; the values are plain, so that it travels as JSON.

    Level ``l`` works at 1 / 2**(l + 1) of the input's resolution. Raises ``ValueError`` if impossible.
    """

    in_channels: int = 1
    segments: int = 1  # 0: no segmentation task
    exclusive: bool = False  # True: one segment a pixel (softmax with background); False: they may overlap
    diagnoses: int = 2  # 0: no diagnosis task
    stem: int = 32  # feature channels of the first convolution
    levels: tuple[tuple[Stage, ...], ...] = EFFICIENTNET_LITE0  # the residual convolutions of each level
    transformers: tuple[int, ...] = (0, 0, 0, 1, 2)  # Transformer blocks of each level
    heads: tuple[int, ...] = (1, 1, 1, 4, 6)  # attention heads of each level's Transformer blocks
    pooling: tuple[int, ...] = (1, 1, 1, 1, 1)  # keys and values are averaged over pooling x pooling pixels
    mlp_ratio: int = 2
    dilations: tuple[int, int, int] = (1, 2, 4)  # of the three DFE branches
    dropout: float = 0.1
    transformer: bool = True
    dfe: bool = True
    multi_level_head: bool = True  # False: the diagnosis sees the deepest level only
    mask_guided: bool = False  # True: the diagnosis also sees the decoder's masks

    def __post_init__(self) -> None:
        for name in ("transformers", "heads", "pooling", "dilations"):  # JSON gives lists
            object.__setattr__(self, name, tuple(getattr(self, name)))
        levels = tuple(tuple(Stage(*stage) for stage in level) for level in self.levels)
        object.__setattr__(self, "levels", levels)
        if not len(levels) == len(self.transformers) == len(self.heads) == len(self.pooling) >= 2:
            raise ValueError("levels, transformers, heads and pooling need one value for each of at least two levels")
        if not all(levels):
            raise ValueError("each level needs at least one stage")
        stages = [number for level in levels for stage in level for number in stage]
        if min(self.in_channels, self.stem, *stages, *self.heads, *self.pooling, *self.dilations, self.mlp_ratio) < 1:
            raise ValueError("channels, stages, heads, pooling, dilations and mlp_ratio must be at least 1")
        if min(self.transformers) < 0:
            raise ValueError("the number of Transformer blocks of a level must be at least 0")
        if any(stage.kernel % 2 == 0 for level in levels for stage in level):
            raise ValueError("the kernel of a stage must be odd")
        by_level = zip(self.widths, self.heads, self.transformers, strict=True)
        if any(blocks and width % heads for width, heads, blocks in by_level):
            raise ValueError("a level's width must be divisible by its number of attention heads")
        if len(self.dilations) != 3:
            raise ValueError("a DFE module has three branches: give three dilation rates")
        if min(self.segments, self.diagnoses) < 0 or self.segments + self.diagnoses == 0:
            raise ValueError("a network needs at least one segment or one diagnosis")
        if not 0 <= self.dropout < 0.5:  # the classification head drops twice as many
            raise ValueError("dropout must be at least 0 and below 0.5")

    @classmethod
    def small(cls, **changes) -> NetworkConfig:
        """For a CPU: at most 4 M parameters and 1.1 GMAC at 256x256. Residual convolutions of EfficientNet-Lite0."""
        return cls(**{"mask_guided": True, **changes})

    @classmethod
    def base(cls, **changes) -> NetworkConfig:
        """For a GPU: at most 10 M parameters and 4 GMAC at 256x256. Residual convolutions of EfficientNet-Lite2."""
        attention = dict(transformers=(0, 0, 1, 2, 3), heads=(1, 1, 4, 4, 8), pooling=(1, 1, 2, 1, 1))
        return cls(**{"mask_guided": True, "levels": EFFICIENTNET_LITE2, **attention, **changes})

    @property
    def widths(self) -> tuple[int, ...]:
        """Feature channels of each level."""
        return tuple(level[-1].width for level in self.levels)

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

    def structure(self) -> dict:
        """The fields that another network must share for the weights of this one to fit, but for the tasks' own."""
        return {name: value for name, value in self.to_dict().items() if name not in TASKS + TENSORLESS}

    def to_dict(self) -> dict:
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {**values, "levels": [[list(stage) for stage in level] for level in self.levels]}

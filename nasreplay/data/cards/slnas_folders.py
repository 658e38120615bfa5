"""The six data sets besides CIFAR-10 on which SLNAS searches, as image folders called as in its scripts.

Yee-Master/SLNAS on GitHub; no split lists are published, so numbers of training images are presumed ones: the part
that the name says (AID, NWPU), or 80 % as in "NAS evaluation is frustratingly hard" (ICLR 2020). `nasreplay data
split` makes such parts.
"""

from nasreplay.data.cards.base import DatasetCard, Facts, Streaming


def _card(name: str, classes: int, training_images: int, *aliases: str) -> DatasetCard:
    facts = Facts(classes, 224, training_images)
    streaming = Streaming(jitter=(0.4, 0.4, 0.4, 0.1))
    return DatasetCard(name, facts, aliases, order=200, streaming=streaming, held=False)


CARDS = (
    _card("AID_20", 30, 2_000),  # aerial scenes of 600 × 600 (Xia et al., TGRS 2017)
    _card("AID_50", 30, 5_000),
    _card("NWPU_10", 45, 3_150),  # aerial scenes of 256 × 256, RESISC45 (Cheng et al., Proc. IEEE 2017)
    _card("NWPU_20", 45, 6_300),
    _card("nas_eval_hard_flower", 102, 6_551, "flowers102"),  # Nilsback & Zisserman, ICVGIP 2008
    _card("nas_eval_hard_sport", 8, 1_263, "sport8"),  # UIUC events (Li & Fei-Fei, ICCV 2007)
    _card("nas_eval_hard_indoor", 67, 12_496, "mit67"),  # indoor scenes (Quattoni & Torralba, CVPR 2009)
    _card("leaf", 38, 43_444, "plantvillage"),  # PlantVillage (Hughes & Salathé 2015, arXiv 1511.08060)
)

"""Two segments as a model's descriptor names them, with a coded terminology."""

TERMINOLOGY = {
    "category": {"scheme": "SCT", "value": "49755003", "meaning": "Morphologically Altered Structure"},
    "type": {"scheme": "SCT", "value": "4147007", "meaning": "Mass"},
}
SEGMENTS = [
    {"id": "lesion", "name": "Läsion", "value": 1, "color": [255, 0, 51], "terminology": TERMINOLOGY},
    {"id": "oedema", "name": "Oedema", "value": 2, "color": [0, 128, 255], "terminology": TERMINOLOGY},
]

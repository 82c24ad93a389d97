"""A run on clouds as one HTML file: figures, curves, and the hardest objects as pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import cv2
import numpy as np

from clickmask.core.errors import ClickmaskError
from clickmask.data.cloud_sample import CloudDataset, Scan
from clickmask.evaluate import metrics
from clickmask.evaluate.charts import clicks_chart, iou_chart, spark
from clickmask.evaluate.cloud_run import TOGETHER, CloudRecords, curves_of, from_run_lengths
from clickmask.evaluate.report import conditions, figures_table, head, page, shown_target
from clickmask.spatial.drawing import draw
from clickmask.spatial.upright import upright

SHOWN = 8
RIGHT, MISSED, SURPLUS, POSITIVE, NEGATIVE = (
    (23, 163, 91),
    (60, 120, 255),
    (255, 61, 154),
    (255, 255, 255),
    (220, 48, 48),
)
KEY = (
    '<div class="key-line"><span><i style="background:#17a35b"></i>right</span>'
    '<span><i style="background:#3c78ff"></i>missed</span><span><i style="background:#ff3d9a"></i>too much</span>'
    "<span>Discs are clicks: white on the object, red off it.</span></div>"
)


def render(summary: Mapping[str, Any], measured: Sequence[tuple[CloudDataset, Sequence[CloudRecords]]]) -> str:
    """The report of a summary and the records behind it."""
    title = f"{summary['model']['name']} on {', '.join(summary['datasets'])}"
    parts = [head(summary, title), figures_table(summary)]
    parts += [_dataset(summary, dataset, objects) for dataset, objects in measured]
    return page(title, "".join([*parts, conditions(summary)]))


def _dataset(summary: Mapping[str, Any], dataset: CloudDataset, objects: Sequence[CloudRecords]) -> str:
    target = shown_target(summary)
    curves = curves_of(objects, summary["protocol"]["max_clicks"])
    figures = summary["datasets"][dataset.name]
    notes = "".join(f'<p class="note warning">{escape(note)}</p>' for note in figures["notes"])
    counts = f"{figures['objects']} objects in {figures['images']} scans, {figures['clicks']} clicks."
    order = np.lexsort((curves.mean(axis=1), -metrics.clicks_to(curves, target)))[:SHOWN]
    cases = "".join(_case(dataset, objects[i], target) for i in order)
    return (
        f'<h2>{escape(dataset.name)}</h2><p class="note">{counts}</p>{notes}<div class="charts">'
        f'<figure class="panel"><h3>IoU over clicks</h3>{iou_chart(curves)}'
        "<figcaption>Mean, with the middle half of the objects.</figcaption></figure>"
        f'<figure class="panel"><h3>Clicks to IoU {target:.2f}</h3>{clicks_chart(curves, target)}'
        f"<figcaption>Number of objects by clicks needed.</figcaption></figure></div>"
        f'<h2>{escape(dataset.name)}: the hardest {len(order)}</h2>{KEY}<div class="cases">{cases}</div>'
    )


def _case(dataset: CloudDataset, records: CloudRecords, target: float) -> str:
    ious = [record.iou for record in records]
    reached = next((f"at click {record.clicks:g}" for record in records if record.iou >= target), "never")
    scan = next(scan for scan in dataset.scans if scan.scan_id == records[0].image)
    name = f"{records[0].image}, object {records[0].object}"
    return (
        f'<figure class="case panel"><div class="picture">{_picture(scan, records)}</div>'
        f'<div class="caption"><b>{escape(name)}</b><span>IoU {target:.2f} {reached}<br>last {ious[-1]:.3f}</span>'
        f"{spark(ious, target)}</div></figure>"
    )


def _picture(scan: Scan, records: CloudRecords) -> str:
    """The scan from above at an angle; without it if the file is no longer readable."""
    try:
        cloud = scan.load()
    except ClickmaskError:
        return ""
    truth = np.asarray(cloud.instance)
    wanted = truth > 0 if records[0].object == TOGETHER else truth == int(records[0].object)
    mask = np.zeros(len(cloud), dtype=bool)
    if records[-1].mask is not None and sum(records[-1].mask) == len(cloud):
        mask = from_run_lengths(records[-1].mask)
    colours = np.full((len(cloud), 3), 150, dtype=np.uint8) if cloud.rgb is None else cloud.rgb // 2 + 64
    for part, colour in ((mask & wanted, RIGHT), (wanted & ~mask, MISSED), (mask & ~wanted, SURPLUS)):
        colours[part] = colour
    clicks = np.array([record.xyz for record in records], dtype=np.float32)
    turn = upright(cloud.xyz, scan.up_xyz)
    drawn = draw(cloud.xyz @ turn.T.astype(np.float32), colours, mask | wanted, clicks @ turn.T.astype(np.float32))
    for (x, y), record in reversed(list(zip(drawn[1], records, strict=True))):
        cv2.circle(drawn[0], (x, y), 5, POSITIVE if record.label else NEGATIVE, -1, cv2.LINE_AA)
        cv2.circle(drawn[0], (x, y), 5, (0, 0, 0), 1, cv2.LINE_AA)
    _, data = cv2.imencode(".jpg", drawn[0][..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])
    href = base64.b64encode(data.tobytes()).decode("ascii")
    return (
        f'<img style="display:block;width:100%" alt="scan with object and clicks" src="data:image/jpeg;base64,{href}"/>'
    )

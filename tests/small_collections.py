# ruff: noqa: E501  abstracts read worse when broken
"""Collections of invented papers in other fields and another language, for tests of what asking does far from the seeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Record = dict[str, Any]

MEDICINE: tuple[Record, ...] = (
    {
        "id": "tolvane-before",
        "title": "Tolvane taken before breakfast in adults with raised fasting glucose",
        "authors": ["Ingrid Solberg", "Mateo Alvarez"],
        "year": 2016,
        "venue": "Journal of Invented Medicine",
        "abstract": "BACKGROUND: When a glucose-lowering tablet should be swallowed is disputed. METHODS: We gave 214 adults "
        "10 mg of tolvane thirty minutes before breakfast for sixteen weeks. RESULTS: Fasting glucose fell by 1.4 mmol/L, "
        "and 9% of the participants reported nausea. CONCLUSIONS: Taken before the meal, tolvane lowers fasting glucose.",
    },
    {
        "id": "tolvane-after",
        "title": "Swallowing tolvane after the evening meal: an open trial",
        "authors": ["Ruth Okonkwo", "Ingrid Solberg"],
        "year": 2019,
        "venue": "Archives of Imaginary Care",
        "abstract": "Tablets that are taken late in the day are forgotten less often. We asked 180 adults to swallow 10 mg of "
        "tolvane after the evening meal. Fasting glucose fell by 0.6 mmol/L, and nausea was reported by 2%. Eight in ten "
        "participants still took the tablet after a year.",
    },
    {
        "id": "warm-blankets",
        "title": "Warmed blankets and shivering after caesarean section",
        "authors": ["Ruth Okonkwo"],
        "year": 2012,
        "venue": "Archives of Imaginary Care",
        "abstract": "Shivering after spinal anaesthesia is unpleasant. We covered 96 mothers with warmed blankets during "
        "caesarean section and compared them with 94 mothers under ordinary sheets. Shivering occurred in 17% under warmed "
        "blankets and in 41% under sheets. Newborns were no warmer.",
    },
    {
        "id": "night-shifts",
        "title": "Night shifts and blood pressure in ambulance crews",
        "authors": ["Piotr Zielinski", "Amara Diallo"],
        "year": 2021,
        "venue": "Journal of Invented Medicine",
        "abstract": "Whether night work raises blood pressure is unclear. We measured 61 members of ambulance crews around the "
        "clock for six weeks. After a night shift systolic pressure was 7 mmHg higher than after a day of rest. The rise "
        "was gone after two nights of sleep.",
    },
    {
        "id": "handwashing-songs",
        "title": "Songs that time handwashing in primary schools",
        "authors": ["Amara Diallo"],
        "year": 2018,
        "venue": "Archives of Imaginary Care",
        "abstract": "Children wash their hands too briefly. We taught a song of twenty seconds in eleven primary schools. "
        "Washing lasted 19 seconds where the song was sung and 8 seconds elsewhere. Absence because of stomach infections "
        "fell by a third in the following winter.",
    },
    {
        "id": "knee-cycling",
        "title": "Cycling against pain in osteoarthritis of the knee",
        "authors": ["Helena Brandt", "Mateo Alvarez"],
        "year": 2014,
        "venue": "Journal of Invented Medicine",
        "abstract": "Exercise helps worn knees, but which one is best is unknown. We had 130 patients with osteoarthritis of "
        "the knee cycle three times a week. Pain fell from 6.1 to 3.8 points in three months. Cartilage did not change on "
        "magnetic resonance images.",
    },
    {
        "id": "knee-pool",
        "title": "Walking in a pool for patients with worn knees",
        "authors": ["Helena Brandt"],
        "year": 2017,
        "venue": "Journal of Invented Medicine",
        "abstract": "Water carries part of the body's weight. We let 88 patients with osteoarthritis of the knee walk in a "
        "warm pool twice a week. Pain fell from 6.3 to 5.2 points in three months, and sleep improved. Four patients left "
        "because of the chlorine.",
    },
    {
        "id": "snoring-didgeridoo",
        "title": "Didgeridoo lessons for moderate sleep apnoea",
        "authors": ["Piotr Zielinski"],
        "year": 2010,
        "venue": "Archives of Imaginary Care",
        "abstract": "Weak muscles of the throat let the airway collapse during sleep. We gave 25 people with moderate sleep "
        "apnoea lessons on the didgeridoo for four months. Pauses in breathing fell from 22 to 12 an hour. Their partners "
        "slept better as well.",
    },
    {
        "id": "reminder-calls",
        "title": "Telephone reminders and missed vaccinations of infants",
        "authors": ["Amara Diallo", "Helena Brandt"],
        "year": 2020,
        "venue": "Journal of Invented Medicine",
        "abstract": "Infants miss vaccinations because dates are forgotten. We called the parents of 1,240 infants two days "
        "before each date. The second dose was missed by 6% of those who were called and by 15% of the others. A call cost "
        "40 cents.",
    },
    {
        "id": "reading-aloud",
        "title": "Reading aloud to patients with delirium after hip surgery",
        "authors": ["Ruth Okonkwo", "Piotr Zielinski"],
        "year": 2022,
        "venue": "Archives of Imaginary Care",
        "abstract": "Delirium after hip surgery lengthens the stay in hospital. Volunteers read aloud to 72 patients for an "
        "hour each evening. Delirium lasted 1.9 days where they read and 3.1 days where they did not. Nurses gave fewer "
        "sedatives.",
    },
    {
        "id": "garlic-footbath",
        "title": "Garlic foot baths do not cure athlete's foot",
        "authors": ["Mateo Alvarez"],
        "year": 2011,
        "venue": "Journal of Invented Medicine",
        "abstract": "Garlic is said to heal fungal infections of the skin. We compared garlic foot baths with plain water in "
        "58 soldiers with athlete's foot. After six weeks the fungus was found in 71% and in 69%. Garlic irritated the skin "
        "of nine soldiers.",
    },
    {
        "id": "pharmacy-robots",
        "title": "A robot that fills pill boxes in nursing homes",
        "authors": ["Ingrid Solberg"],
        "year": 2023,
        "venue": "Journal of Invented Medicine",
        "abstract": "Pill boxes filled by hand contain mistakes. A robot filled the boxes of 410 residents of nursing homes "
        "for a year. Mistakes fell from 3.2 to 0.4 in a thousand tablets. Pharmacists spent the saved hours on advice.",
    },
)
"""Two pairs share a subject (tolvane, the worn knee); the others have one of their own."""

CHINESE: tuple[Record, ...] = (
    {
        "id": "zh-lanterns",
        "title": "纸灯笼对夜间赶路骡子的影响",
        "abstract": "夜间赶路的骡子容易受惊。我们给26头骡子挂上纸灯笼，走了九个晚上。挂灯笼的骡子平均每晚受惊2次，没有挂灯笼的受惊7次。灯笼的颜色没有影响。",
    },
    {
        "id": "zh-tea",
        "title": "竹筒储存对绿茶香气的影响",
        "abstract": "绿茶的香气在储存时会消失。我们把绿茶放在竹筒和铁罐里，保存了十四个月。竹筒里的绿茶保留了83%的香气，铁罐里的保留了58%。竹筒必须先晒干。",
    },
    {
        "id": "zh-bridge",
        "title": "用鼓声检查石桥的裂缝",
        "abstract": "石桥的裂缝很难看见。我们在19座石桥上敲鼓并记录回声。回声找到了91%的裂缝，肉眼检查只找到了54%。检查一座石桥需要二十分钟。",
    },
    {
        "id": "zh-ducks",
        "title": "稻田养鸭与杂草数量",
        "abstract": "稻田里的杂草会降低产量。我们在八块稻田里放养鸭子，与八块没有鸭子的稻田比较。有鸭子的稻田杂草减少了62%，水稻产量增加了一成。鸭子在抽穗前必须离开。",
    },
    {
        "id": "zh-kites",
        "title": "风筝测量山谷中的风速",
        "abstract": "山谷里没有气象塔。我们用系着温度计的风筝测量了三个山谷的风速。风筝的误差是每秒0.4米。午后的风速是清晨的两倍。",
    },
)


def write(folder: Path, records: tuple[Record, ...]) -> Path:
    """Write a collection as JSON Lines into a folder, and give the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "papers.jsonl"
    file.write_text("\n".join(json.dumps(record, ensure_ascii=False) for record in records), encoding="utf-8")
    return file

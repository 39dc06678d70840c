"""The texts that presets and studies cite, one `Source` each.

The `locator` names the part of the text that is cited most; `Source.at` gives the same text with another locator.
"""

from epicycle.spec.study import Source

POWER = Source(
    key="power2022",
    title="Grokking: Generalization beyond overfitting on small algorithmic datasets",
    authors="Power, Burda, Edwards, Babuschkin, Misra",
    year=2022,
    locator="appendix A.1",
    arxiv="2201.02177",
)
NANDA = Source(
    key="nanda2023",
    title="Progress measures for grokking via mechanistic interpretability",
    authors="Nanda, Chan, Lieberum, Smith, Steinhardt",
    year=2023,
    locator="section 3, appendix A",
    arxiv="2301.05217",
)
LIU = Source(
    key="liu2022omnigrok",
    title="Omnigrok: Grokking beyond algorithmic data",
    authors="Liu, Michaud, Tegmark",
    year=2022,
    locator="Figure 7",
    arxiv="2210.01117",
)
ZHONG = Source(
    key="zhong2023",
    title="The clock and the pizza: Two stories in mechanistic explanation of neural networks",
    authors="Zhong, Liu, Tegmark, Andreas",
    year=2023,
    arxiv="2306.17844",
)
CHUGHTAI = Source(
    key="chughtai2023",
    title="A toy model of universality: Reverse engineering how networks learn group operations",
    authors="Chughtai, Chan, Nanda",
    year=2023,
    arxiv="2302.03025",
)
STANDER = Source(
    key="stander2024",
    title="Grokking group multiplication with cosets",
    authors="Stander, Yu, Fan, Biderman",
    year=2024,
    arxiv="2312.06581",
)
MINGARD = Source(
    key="mingard2021",
    title="Is SGD a Bayesian sampler? Well, almost",
    authors="Mingard, Valle-Perez, Skalse, Louis",
    year=2021,
    locator="abstract",
    arxiv="2006.15191",
)
GROMOV = Source(key="gromov2023", title="Grokking modular arithmetic", authors="Gromov", year=2023, arxiv="2301.02679")
DOSHI = Source(
    key="doshi2024",
    title="To grok or not to grok: Disentangling generalization and memorization on corrupted algorithmic datasets",
    authors="Doshi, Das, He, Gromov",
    year=2024,
    arxiv="2310.13061",
)
DOSHI_POLYNOMIALS = Source(
    key="doshi2024polynomials",
    title="Grokking modular polynomials",
    authors="Doshi, He, Das, Gromov",
    year=2024,
    locator="hypotheses 5.1 and 5.2; appendix C",
    arxiv="2406.03495",
)
PRIETO = Source(
    key="prieto2025",
    title="Grokking at the edge of numerical stability",
    authors="Prieto, Barsbey, Mediano, Birdal",
    year=2025,
    locator="Figures 1 and 2",
    arxiv="2501.04697",
)
KUMAR = Source(
    key="kumar2024",
    title="Grokking as the transition from lazy to rich training dynamics",
    authors="Kumar, Bordelon, Gershman, Pehlevan",
    year=2024,
    locator="appendix 8.3",
    arxiv="2310.06110",
)
VARMA = Source(
    key="varma2023",
    title="Explaining grokking through circuit efficiency",
    authors="Varma, Shah, Kenton, Kramar, Kumar",
    year=2023,
    locator="section 3",
    arxiv="2309.02390",
)
GARIPOV = Source(
    key="garipov2018",
    title="Loss surfaces, mode connectivity, and fast ensembling of DNNs",
    authors="Garipov, Izmailov, Podoprikhin, Vetrov, Wilson",
    year=2018,
    locator="section 3",
    arxiv="1802.10026",
)
FRANKLE = Source(
    key="frankle2020",
    title="Linear mode connectivity and the lottery ticket hypothesis",
    authors="Frankle, Dziugaite, Roy, Carbin",
    year=2020,
    locator="sections 2 and 3",
    arxiv="1912.05671",
)
AINSWORTH = Source(
    key="ainsworth2023",
    title="Git Re-Basin: Merging models modulo permutation symmetries",
    authors="Ainsworth, Hayase, Srinivasa",
    year=2023,
    locator="section 3, algorithm 1",
    arxiv="2209.04836",
)
LAU = Source(
    key="lau2023",
    title="Quantifying degeneracy in singular models via the learning coefficient",
    authors="Lau, Murfet, Wei",
    year=2023,
    locator="sections 3 and 4",
    arxiv="2308.12108",
)
DAVIES = Source(
    key="davies2023",
    title="Unifying grokking and double descent",
    authors="Davies, Langosco, Krueger",
    year=2023,
    locator="section 3",
    arxiv="2303.06173",
)
JERMYN = Source(
    key="jermyn2022",
    title="Multi-component learning and S-curves",
    authors="Jermyn, Shlegeris",
    year=2022,
    locator="the post of 30 November 2022",
)
MINEGISHI = Source(
    key="minegishi2023",
    title="Bridging lottery ticket and grokking: Is weight norm sufficient to explain delayed generalization?",
    authors="Minegishi, Iwasawa, Matsuo",
    year=2023,
    locator="abstract",
    arxiv="2310.19470",
)
MESA = Source(
    key="mesa",
    title="Post on mesa-optimisers via grokking, and its comments",
    authors="not named in our copy; ESRogs; LawrenceC",
    year=2023,
    locator="rows R163 to R192 of the programme",
)
THREAD = Source(
    key="thread2022",
    title="Post on circuits reinforced by many examples, and its comment thread",
    authors="Pope; Shah; Lieberum",
    year=2022,
    locator="rows R001 to R093 of the programme",
)
BASINS = Source(
    key="basins",
    title="Post on visible basins of the loss, and on two algorithms that grow in superposition",
    authors="not named in our copy",
    year=2023,
    locator="rows R142 to R162 of the programme",
)

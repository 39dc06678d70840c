// Draw each figure from the JSON beside it, with text in the page's colour; draw again when the page changes between light and dark.
// Thin lines that can be seen through are faint on dark paper, so they are drawn denser there.
const darkness = matchMedia("(prefers-color-scheme: dark)");
const denser = (trace) => (trace.opacity ? { ...trace, opacity: (1 + trace.opacity) / 2 } : trace);
const draw = () => {
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  for (const plot of document.querySelectorAll(".plot")) {
    const figure = JSON.parse(plot.querySelector("script").textContent);
    const layout = { ...figure.layout, font: { ...(figure.layout.font || {}), color: ink } };
    const target = plot.querySelector("div") || plot.appendChild(document.createElement("div"));
    const data = darkness.matches ? figure.data.map(denser) : figure.data;
    Plotly.react(target, data, layout, { responsive: true, displaylogo: false, displayModeBar: false });
  }
};
draw();
darkness.addEventListener("change", draw);
// On paper nothing can be folded out.
addEventListener("beforeprint", () => document.querySelectorAll(".folded").forEach((details) => (details.open = true)));

// Draw each figure from the JSON beside it, with text in the page's colour; draw again when the page changes between light and dark.
const draw = () => {
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  for (const plot of document.querySelectorAll(".plot")) {
    const figure = JSON.parse(plot.querySelector("script").textContent);
    const layout = { ...figure.layout, font: { ...(figure.layout.font || {}), color: ink } };
    const target = plot.querySelector("div") || plot.appendChild(document.createElement("div"));
    Plotly.react(target, figure.data, layout, { responsive: true, displaylogo: false, displayModeBar: false });
  }
};
draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

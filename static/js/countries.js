// Names for the countries of a list that has codes alone, sorted by name.
const names = new Intl.DisplayNames(["en"], { type: "region" });

for (const list of document.querySelectorAll("select[data-countries]")) {
  const chosen = list.value;
  const [first, ...options] = list.options;
  for (const option of options) option.textContent = names.of(option.value);
  options.sort((a, b) => a.textContent.localeCompare(b.textContent, "en"));
  list.replaceChildren(first, ...options);
  list.value = chosen;
}

// A button beside each password field shows what was typed; without this script the field works as it is.
for (const field of document.querySelectorAll("input[type=password][data-show]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn";
  button.setAttribute("aria-controls", field.id);
  const draw = (shown) => {
    field.type = shown ? "text" : "password";
    button.textContent = shown ? field.dataset.hide : field.dataset.show;
  };
  button.addEventListener("click", () => draw(field.type === "password"));
  field.form.addEventListener("submit", () => draw(false));
  draw(false);
  field.after(button);
}

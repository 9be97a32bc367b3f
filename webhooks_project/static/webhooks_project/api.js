// A file of its own: the content policy runs no script that stands in a page.
const place = document.getElementById("api");
SwaggerUIBundle({ domNode: place, url: place.dataset.description, deepLinking: true, docExpansion: "list" });

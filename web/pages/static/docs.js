// Shows the API's description with Swagger UI.

addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({
    url: "/api/v1/openapi.json",
    dom_id: "#docs",
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    deepLinking: true,
    validatorUrl: null, // or it would ask another server
  });
});

"use strict";
const swagger = document.getElementById("swagger");
const redoc = document.getElementById("redoc");
if (swagger) {
  SwaggerUIBundle({
    url: swagger.dataset.schema,
    domNode: swagger,
    deepLinking: true,
    requestInterceptor: (request) => {
      if (!request.headers.Authorization) request.headers["X-CSRFToken"] = swagger.dataset.token;
      return request;
    },
  });
}
if (redoc) Redoc.init(redoc.dataset.schema, { hideLoading: true, disableSearch: true }, redoc);

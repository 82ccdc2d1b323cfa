# `taskspan serve` as an image. See docs/jaeger.md.
FROM node:24.21.0-slim AS build
WORKDIR /taskspan
COPY . .
RUN npm ci && npm run build && npm prune --omit=dev

FROM node:24.21.0-slim
WORKDIR /taskspan
COPY --from=build /taskspan/package.json ./
COPY --from=build /taskspan/node_modules ./node_modules
COPY --from=build /taskspan/dist ./dist
# A volume that is mounted here begins with this owner.
RUN mkdir /var/lib/taskspan && chown node:node /var/lib/taskspan
USER node
ENV NODE_ENV=production TASKSPAN_STORE=/var/lib/taskspan/taskspan.sqlite
EXPOSE 4320
HEALTHCHECK --interval=5s --timeout=3s --retries=12 \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:4320/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--disable-warning=ExperimentalWarning", "dist/collector/cli/main.js", "serve"]

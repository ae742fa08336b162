# One image recipe, three targets: `worker` (bridge and event worker, production dependencies only), `local` (SQS/SNS
# emulator and Stream-compatible server, for development) and `build`, which both are made from.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

FROM build AS production-dependencies
RUN npm prune --omit=dev

FROM node:24-bookworm-slim AS local
ENV NODE_ENV=development
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data

# Last, so that a plain `docker build .` makes the image that is deployed.
FROM node:24-bookworm-slim AS worker
ENV NODE_ENV=production
# Temporal's worker verifies TLS with the system's certificates.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=production-dependencies /app/package.json ./
COPY --from=production-dependencies /app/node_modules ./node_modules
COPY --from=production-dependencies /app/dist ./dist
USER node
# The admin listener is for orchestrators, monitoring and a proxy in front; it has the metrics of Temporal's SDK as well.
ENV METRICS_ADDRESS=127.0.0.1:9464 HEALTH_ADDRESS=0.0.0.0:9465
EXPOSE 9465
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9465/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node gets SIGTERM itself (exec form) and drains; give it longer than SHUTDOWN_GRACE_MS plus 5 s.
STOPSIGNAL SIGTERM
CMD ["node", "dist/workers/main.js"]

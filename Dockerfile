# Bienvenue in a container. It serves others than its own machine, so the posture is hardened (docs/postures.md).
#   docker build -t bienvenue .
FROM node:26-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No install script is needed: the image is the Node that the `node` package would bring.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.js scripts/
COPY src src
RUN node scripts/build.js && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:26-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=5000 DATABASE_URL=file:/data/bienvenue.db
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY bin bin
# Compiled code is kept from the first run on, here, as root, so that the service itself need not write beside its code.
RUN node bin/bienvenue.js --version && mkdir /data && chown node:node /data
USER node
WORKDIR /data
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:5000/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Straight to node, so that it gets the signals: a stop lets what is in flight finish.
ENTRYPOINT ["node", "/app/bin/bienvenue.js"]

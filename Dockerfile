# Pombal in a container: one static binary and one volume.
#
#     docker build -t pombal .
#     docker run -d --restart unless-stopped -p 127.0.0.1:8080:8080 -v pombal:/data pombal
#
# With a newer WhatsApp engine, by its full pseudo-version (never "latest", which
# may be an older one):
#
#     docker build --build-arg WHATSMEOW=v0.0.0-20260821141805-33cfac511629 -t pombal .

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG WHATSMEOW=
RUN if [ -n "$WHATSMEOW" ]; then go get "go.mau.fi/whatsmeow@$WHATSMEOW" && go mod tidy; fi
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /pombal . && mkdir /data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo
COPY --from=build /pombal /pombal
COPY --from=build --chown=65532:65532 --chmod=0700 /data /data
USER 65532:65532
VOLUME /data
# The soft limit of memory; with some hundred numbers give it more.
ENV POMBAL_ADDR=0.0.0.0:8080 POMBAL_DATA=/data/pombal.db GOMEMLIMIT=400MiB
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/pombal"]

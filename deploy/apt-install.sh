apt-get install -y --no-install-recommends make git python3-venv openjdk-17-jre-headless maven nginx-light prometheus fonts-noto-cjk curl wrk

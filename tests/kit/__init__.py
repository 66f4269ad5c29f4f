"""What several tests share: real servers, factories and fakes, each in a module of its own."""

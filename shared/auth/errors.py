"""Refusals of the door: not known, not allowed, or the identity provider is away."""

from shared.errors import Category, DomainError


class Unauthenticated(DomainError):
    """No token, or one that does not hold; the reason is for the log, the caller learns only what to do."""

    code = "unauthenticated"
    title = "请先登录"
    category = Category.UNAUTHENTICATED


class Forbidden(DomainError):
    """Known, but without a fitting role at this agency."""

    code = "forbidden"
    title = "无权执行此操作"
    category = Category.FORBIDDEN


class IdentityUnavailable(DomainError):
    """The signing keys of the identity provider cannot be fetched and none are known."""

    code = "identity_unavailable"
    title = "统一身份认证服务暂时不可用"
    category = Category.UNAVAILABLE
